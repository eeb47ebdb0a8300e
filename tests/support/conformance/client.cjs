// The MCP client that the suite @modelcontextprotocol/conformance asks for, with a program at its
// pipes: node client.cjs COMMAND... URL. The suite tells the scenario and the revision in the
// environment; NODE_PATH tells where the SDK is.
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const types = require('@modelcontextprotocol/sdk/types.js');

const [command, ...args] = process.argv.slice(2);
const transport = new StdioClientTransport({ command, args, env: process.env });
const wanted = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION;
const clientInfo = { name: 'conformance', version: '1.0.0' };

/** Lists the tools and calls each one, and answers what the server asks. */
async function handshake() {
  const capabilities = { elicitation: { form: { applyDefaults: true } } };
  const client = new Client(clientInfo, { capabilities });
  client.setRequestHandler(types.ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
  await client.connect(transport);
  const { tools } = await client.listTools();
  for (const { name, inputSchema } of tools) {
    // json_schema_echo wants to see what became of another tool's schema.
    const schema = tools.find((tool) => tool.name === 'json_schema_2020_12_tool')?.inputSchema;
    if (schema && name !== 'json_schema_echo') continue;
    const values = Object.keys(inputSchema.properties ?? {}).map((key, index) => [key, index + 2]);
    await client.callTool({ name, arguments: schema ? { schema } : Object.fromEntries(values) });
  }
  await client.close();
}

/** The same without a handshake: each request says all about itself. */
async function stateless() {
  const open = new Map();
  transport.onmessage = (message) => open.get(message.id)?.(message);
  await transport.start();
  let version = wanted;
  async function request(method, params = {}) {
    const about = 'io.modelcontextprotocol/';
    const _meta = {
      [`${about}protocolVersion`]: version, [`${about}clientInfo`]: clientInfo, [`${about}clientCapabilities`]: {},
    };
    const id = open.size + 1;
    const reply = new Promise((resolve) => open.set(id, resolve));
    await transport.send({ jsonrpc: '2.0', id, method, params: { ...params, _meta } });
    const { error, result } = await reply;
    if (error?.code === -32022) {
      version = error.data.supported.find((supported) => supported === wanted);
      return version ? request(method, params) : undefined;
    }
    return result;
  }
  await request('server/discover');
  for (const { name } of (await request('tools/list'))?.tools ?? []) {
    await request('tools/call', { name, arguments: { a: 2, b: 3 } });
  }
  for (const { uri } of (await request('resources/list'))?.resources ?? []) {
    await request('resources/read', { uri });
  }
  for (const { name } of (await request('prompts/list'))?.prompts ?? []) {
    await request('prompts/get', { name });
  }
  await transport.close();
}

(wanted >= '2026-07-28' ? stateless() : handshake()).catch((error) => {
  console.error(error);
  process.exitCode = 1;
  return transport.close();
});
