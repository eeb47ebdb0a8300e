// npm's fly-admin as a client of the sandbox: node fly-admin.cjs URL, with the token in FLY_API_TOKEN.
// It does with an app what one does, and prints what came of it, a line each.
const { default: Client } = require("fly-admin/dist/client");

const url = process.argv[2];
const fly = new Client(process.env.FLY_API_TOKEN, { graphqlUrl: url, apiUrl: url });
const say = (what, value) => console.log(what, value);
const app_name = "fly-admin-demo";

(async () => {
  say("organization", (await fly.Organization.getOrganization("personal")).organization.slug);
  say("regions", (await fly.Regions.getRegions()).platform.regions.map((region) => region.code).includes("fra"));
  await fly.App.createApp({ org_slug: "personal", app_name });
  say("apps", (await fly.App.listApps("personal")).apps.map((app) => app.name));
  const { allocateIpAddress } = await fly.Network.allocateIpAddress({ appId: app_name, type: "v6" });
  say("address", allocateIpAddress.ipAddress.type);
  say("addresses", (await fly.App.getAppDetailed(app_name)).ipAddresses.length);
  await fly.Secret.setSecrets({ appId: app_name, secrets: [{ key: "A", value: "1" }, { key: "B", value: "2" }] });
  await fly.Secret.unsetSecrets({ appId: app_name, keys: ["B"] });

  const rest = await fetch(`${url}/v1/apps/${app_name}/secrets`, { headers: { Authorization: `Bearer ${process.env.FLY_API_TOKEN}` } });
  say("secrets", (await rest.json()).secrets.map((secret) => secret.name));
  say("app", (await fly.App.getApp(app_name)).name);

  const volume = await fly.Volume.createVolume({ app_name, name: "data", region: "fra", size_gb: 1 });
  say("volume", volume.state);
  say("extended", (await fly.Volume.extendVolume({ app_name, volume_id: volume.id, size_gb: 2 })).volume.size_gb);
  say("snapshots", (await fly.Volume.listSnapshots({ app_name, volume_id: volume.id })).length);
  const config = { image: "flyio/mcp", init: { cmd: ["cat"] }, mounts: [{ volume: volume.id, path: "/data" }] };
  const machine = await fly.Machine.createMachine({ app_name, name: "one", region: "fra", config });
  const machine_id = machine.id;
  const wait = (state, instance_id) => fly.Machine.waitMachine({ app_name, machine_id, state, instance_id, timeout: "60" });
  say("started", (await wait("started", machine.instance_id)).ok);
  say("volumes", (await fly.Volume.listVolumes(app_name)).length);
  say("attached", (await fly.Volume.getVolume({ app_name, volume_id: volume.id })).attached_machine_id === machine_id);
  say("processes", (await fly.Machine.listProcesses({ app_name, machine_id })).length > 0);
  await fly.Machine.restartMachine({ app_name, machine_id });
  await wait("started", machine.instance_id);
  say("signal", (await fly.Machine.signalMachine({ app_name, machine_id, signal: "SIGUSR1" })).ok);
  const lease = await fly.Machine.acquireLease({ app_name, machine_id, ttl: 2 });
  say("lease", lease.status);
  say("lease again", (await fly.Machine.getLease({ app_name, machine_id })).data.nonce === lease.data.nonce);
  await fly.Machine.stopMachine({ app_name, machine_id }).catch((e) => say("stop", e.message.slice(0, 3)));
  for (let held = true; held; ) { // until its two seconds are over
    await fly.Machine.stopMachine({ app_name, machine_id }).then(() => (held = false), (e) => {
      if (!e.message.startsWith("409")) throw e;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await wait("stopped", machine.instance_id);
  await fly.Machine.startMachine({ app_name, machine_id });
  await wait("started", machine.instance_id);
  await fly.Machine.cordonMachine({ app_name, machine_id });
  await fly.Machine.uncordonMachine({ app_name, machine_id });
  const updated = await fly.Machine.updateMachine({ app_name, machine_id, config: { ...config, env: { X: "y" } } });
  await wait("started", updated.instance_id);
  say("versions", (await fly.Machine.listVersions({ app_name, machine_id })).length);
  say("events", (await fly.Machine.listEvents({ app_name, machine_id })).length > 3);
  say("machine", (await fly.Machine.getMachine({ app_name, machine_id })).config.env.X);
  say("machines", (await fly.Machine.listMachines(app_name)).length);
  await fly.Machine.deleteMachine({ app_name, machine_id, force: true });
  await wait("destroyed", updated.instance_id);
  await fly.Volume.deleteVolume({ app_name, volume_id: volume.id });
  await fly.Network.releaseIpAddress({ appId: app_name, ip: allocateIpAddress.ipAddress.address });
  await fly.App.deleteApp(app_name);
  say("left", (await fly.App.listApps("personal")).apps.length);
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
