// The official TypeScript SDK as a client: node typescript.mjs http URL, or node typescript.mjs stdio COMMAND...
// It uses what server-everything offers, in both directions, and prints what came of it, a line each.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are not beside this file: NODE_PATH, which imports do not look at, says where.
const require = createRequire(process.env.NODE_PATH + "/");
const sdk = (path) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + path)).href);
const { Client } = await sdk("client/index.js");
const { StdioClientTransport } = await sdk("client/stdio.js");
const { StreamableHTTPClientTransport } = await sdk("client/streamableHttp.js");
const types = await sdk("types.js");

const [how, target, ...args] = process.argv.slice(2);
const transport =
  how === "http"
    ? new StreamableHTTPClientTransport(new URL(target))
    : new StdioClientTransport({ command: target, args, env: process.env });
const client = new Client(
  { name: "typescript", version: "1.0.0" },
  { capabilities: { sampling: {}, roots: { listChanged: true }, elicitation: {} } },
);
client.setRequestHandler(types.CreateMessageRequestSchema, async (request) => ({
  role: "assistant",
  model: "none",
  content: { type: "text", text: "sampled: " + request.params.messages[0].content.text },
}));
client.setRequestHandler(types.ListRootsRequestSchema, async () => ({
  roots: [{ uri: "file:///my/root", name: "my root" }],
}));
client.setRequestHandler(types.ElicitRequestSchema, async () => ({ action: "decline" }));

await client.connect(transport);
console.log("server", client.getServerVersion().name);
console.log("tools", (await client.listTools()).tools.map((tool) => tool.name).sort().join(" "));
const call = async (name, args, options) =>
  (await client.callTool({ name, arguments: args }, undefined, options)).content[0].text;
console.log("echo", await call("echo", { message: "hello" }));
console.log("sampling", await call("trigger-sampling-request", { prompt: "why?" }));
console.log("elicitation", await call("trigger-elicitation-request", {}));
// The SDK's own counting stops when it reads the reply, and loses progress that came at the same moment.
let progress = 0;
const counted = new Promise((resolve) =>
  client.setNotificationHandler(types.ProgressNotificationSchema, async (told) => {
    if (told.params.progressToken === "mine" && ++progress === 4) resolve();
  }),
);
await client.callTool({
  name: "trigger-long-running-operation",
  arguments: { duration: 0.4, steps: 4 },
  _meta: { progressToken: "mine" },
});
await counted;
console.log("progress", progress);
console.log("roots", (await call("get-roots-list", {})).replaceAll("\n", " "));
await client.close();
