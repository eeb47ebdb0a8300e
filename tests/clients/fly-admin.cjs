// Supabase's fly-admin against the Fly.io of FLY_API_HOSTNAME: an app from nothing to nothing, with all that can be in it,
// and what was told of each, a line each.
const { createRequire } = require("node:module");
// Its createClient() takes no addresses, and so would ask the real Fly.io.
const { default: Client } = createRequire(process.env.NODE_PATH + "/")("fly-admin/dist/client.js");

const url = process.env.FLY_API_HOSTNAME;
const fly = new Client(process.env.FLY_API_TOKEN, { graphqlUrl: url, apiUrl: url });
const app_name = "by-fly-admin";
const show = (what, value) => console.log(what, JSON.stringify(value));

(async () => {
  show("organization", await fly.Organization.getOrganization("personal"));
  show("regions", (await fly.Regions.getRegions()).platform.regions.map((region) => region.code));
  await fly.App.createApp({ app_name, org_slug: "personal", network: "default" });
  show("app", await fly.App.getApp(app_name));
  show("apps", (await fly.App.listApps("personal")).apps.map((app) => app.name));
  show("v6", await fly.Network.allocateIpAddress({ appId: app_name, type: "v6" }));
  show("v4", await fly.Network.allocateIpAddress({ appId: app_name, type: "v4" }));
  show("secrets", await fly.Secret.setSecrets({
    appId: app_name, secrets: [{ key: "A", value: "one" }, { key: "B", value: "two" }], replaceAll: true,
  }));
  show("unset", await fly.Secret.unsetSecrets({ appId: app_name, keys: ["A"] }));
  const volume = await fly.Volume.createVolume({ app_name, name: "data", region: "ams", size_gb: 1 });
  const volume_id = volume.id;
  show("extended", await fly.Volume.extendVolume({ app_name, volume_id, size_gb: 2 }));
  show("snapshots", await fly.Volume.listSnapshots({ app_name, volume_id }));

  const config = { image: "nginx", mounts: [{ volume: volume_id, path: "/data" }] };
  const machine = await fly.Machine.createMachine({ app_name, name: "one", region: "ams", config });
  const machine_id = machine.id;
  const wait = (state, instance_id) => fly.Machine.waitMachine({ app_name, machine_id, instance_id, state, timeout: "10s" });
  const one = { app_name, machine_id };
  show("started", await wait("started", machine.instance_id));
  show("volume", await fly.Volume.getVolume({ app_name, volume_id }));
  await fly.Machine.stopMachine(one);
  show("stopped", await wait("stopped", machine.instance_id));
  show("start", await fly.Machine.startMachine(one));
  await wait("started", machine.instance_id);
  await fly.Machine.restartMachine(one);
  await wait("started", machine.instance_id);
  const updated = await fly.Machine.updateMachine({ ...one, config: { ...config, env: { A: "B" } } });
  show("updated", updated);
  await wait("started", updated.instance_id);
  show("events", (await fly.Machine.listEvents(one)).map((event) => event.status));
  show("versions", (await fly.Machine.listVersions(one)).length);
  show("processes", await fly.Machine.listProcesses({ ...one, sort_by: "cpu" }));
  await fly.Machine.cordonMachine(one);
  await fly.Machine.uncordonMachine(one);
  show("lease", await fly.Machine.acquireLease({ ...one, ttl: 1 }));
  show("held", await fly.Machine.getLease(one));
  await new Promise((resolve) => setTimeout(resolve, 1100)); // until the lease ends: it cannot release one
  show("machines", (await fly.Machine.listMachines(app_name)).map((machine) => machine.id));
  show("destroyed", await fly.Machine.deleteMachine({ ...one, force: true }));
  show("detailed", await fly.App.getAppDetailed(app_name));
  await fly.Volume.deleteVolume({ app_name, volume_id });
  await fly.App.deleteApp(app_name);
  await fly.App.getApp(app_name).catch((error) => console.log("gone", error.message));
})();
