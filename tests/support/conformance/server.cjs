// The MCP server that the suite @modelcontextprotocol/conformance asks for, over stdio. The names,
// addresses and schemas are the suite's. NODE_PATH tells where the SDK is.
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const types = require('@modelcontextprotocol/sdk/types.js');

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const text = (words) => ({ type: 'text', text: words });
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' };
const audio = { type: 'audio', data: SILENCE, mimeType: 'audio/wav' };
const embedded = (uri) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'embedded' } });
const object = (properties, more = {}) => ({ type: 'object', properties, ...more });
const string = { type: 'string' };
const titled = (...names) => names.map((name) => ({ const: name, title: `The ${name}` }));

const colours = ['red', 'green', 'blue'];
const ENUMS = object({
  untitledSingle: { type: 'string', enum: colours },
  titledSingle: { type: 'string', oneOf: titled(...colours) },
  legacyEnum: { type: 'string', enum: colours, enumNames: ['Red', 'Green', 'Blue'] },
  untitledMulti: { type: 'array', items: { type: 'string', enum: colours } },
  titledMulti: { type: 'array', items: { anyOf: titled(...colours) } },
});
const DEFAULTS = object({
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
});
const JSON_SCHEMA_2020_12 = object(
  { name: string, address: { $ref: '#/$defs/address' }, phone: string, email: string },
  {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $defs: { address: object({ street: string, city: string }, { $anchor: 'addressDef' }) },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { required: ['name'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  });

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** One after the other, as a tool that works for a while. */
async function notify({ sendNotification }, method, all) {
  for (const params of all) {
    await sendNotification({ method, params });
    await pause();
  }
}

async function elicit(requestedSchema, message, { sendRequest }) {
  const params = { message, requestedSchema };
  const answer = await sendRequest({ method: 'elicitation/create', params }, types.ElicitResultSchema);
  return [text(`${answer.action}: ${JSON.stringify(answer.content ?? {})}`)];
}

async function sample(prompt, { sendRequest }) {
  const params = { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 };
  const answer = await sendRequest({ method: 'sampling/createMessage', params }, types.CreateMessageResultSchema);
  return [text(JSON.stringify(answer.content))];
}

/** Name to what it does and the schema of its arguments. */
const TOOLS = {
  test_simple_text: [() => [text('a simple text')]],
  test_image_content: [() => [image]],
  test_audio_content: [() => [audio]],
  test_embedded_resource: [() => [embedded('test://embedded-resource')]],
  test_multiple_content_types: [() => [text('several'), image, embedded('test://mixed-content-resource')]],
  test_tool_with_logging: [
    async (_, extra) => {
      const words = ['started', 'at work', 'done'];
      await notify(extra, 'notifications/message', words.map((data) => ({ level: 'info', data })));
      return [text('logged')];
    }],
  test_tool_with_progress: [
    async (_, extra) => {
      const progressToken = extra._meta?.progressToken ?? 0;
      const steps = [0, 50, 100].map((progress) => ({ progressToken, progress, total: 100 }));
      await notify(extra, 'notifications/progress', steps);
      return [text('done')];
    }],
  test_error_handling: [() => { throw new Error('as asked for'); }],
  test_sampling: [({ prompt }, extra) => sample(prompt, extra), object({ prompt: string })],
  test_elicitation: [
    ({ message }, extra) => elicit(object({ username: string, email: string }), message, extra),
    object({ message: string })],
  test_elicitation_sep1034_defaults: [(_, extra) => elicit(DEFAULTS, 'look these over', extra)],
  test_elicitation_sep1330_enums: [(_, extra) => elicit(ENUMS, 'choose', extra)],
  test_reconnection: [async () => { await pause(); return [text('still here')]; }],
  json_schema_2020_12_tool: [() => [text('accepted')], JSON_SCHEMA_2020_12],
};

const RESOURCES = {
  'test://static-text': { mimeType: 'text/plain', text: 'a static text' },
  'test://static-binary': { mimeType: 'image/png', blob: PIXEL },
  'test://watched-resource': { mimeType: 'text/plain', text: 'watched' },
};
const TEMPLATE = 'test://template/{id}/data';

const PROMPTS = {
  test_simple_prompt: [() => [text('a simple prompt')]],
  test_prompt_with_arguments: [({ arg1, arg2 }) => [text(`${arg1} and ${arg2}`)], 'arg1', 'arg2'],
  test_prompt_with_embedded_resource: [({ resourceUri }) => [embedded(resourceUri), text('read it')], 'resourceUri'],
  test_prompt_with_image: [() => [image, text('look at it')]],
};

function unknown(what) {
  throw new types.McpError(types.ErrorCode.InvalidParams, `there is no ${what}`);
}

const capabilities = {
  tools: {}, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {},
};
const server = new Server({ name: 'conformance', version: '1.0.0' }, { capabilities });

server.setRequestHandler(types.ListToolsRequestSchema, () => ({
  tools: Object.entries(TOOLS).map(([name, [, inputSchema]]) =>
    ({ name, description: name, inputSchema: inputSchema ?? object({}) })),
}));
server.setRequestHandler(types.CallToolRequestSchema, async ({ params }, extra) => {
  const [tool] = TOOLS[params.name] ?? unknown(params.name);
  try {
    return { content: await tool(params.arguments ?? {}, extra) };
  } catch (error) {
    return { isError: true, content: [text(error.message)] };
  }
});
server.setRequestHandler(types.ListResourcesRequestSchema, () => ({
  resources: Object.entries(RESOURCES).map(([uri, { mimeType }]) => ({ uri, name: uri, description: uri, mimeType })),
}));
server.setRequestHandler(types.ListResourceTemplatesRequestSchema, () => ({
  resourceTemplates: [{ uriTemplate: TEMPLATE, name: 'template', mimeType: 'application/json' }],
}));
server.setRequestHandler(types.ReadResourceRequestSchema, ({ params: { uri } }) => {
  const id = uri.match(/^test:\/\/template\/([^/]+)\/data$/)?.[1];
  const template = id && { mimeType: 'application/json', text: JSON.stringify({ id }) };
  return { contents: [{ uri, ...(template ?? RESOURCES[uri] ?? unknown(uri)) }] };
});
server.setRequestHandler(types.SubscribeRequestSchema, () => ({}));
server.setRequestHandler(types.UnsubscribeRequestSchema, () => ({}));
server.setRequestHandler(types.ListPromptsRequestSchema, () => ({
  prompts: Object.entries(PROMPTS).map(([name, [, ...args]]) =>
    ({ name, description: name, arguments: args.map((arg) => ({ name: arg, required: true })) })),
}));
server.setRequestHandler(types.GetPromptRequestSchema, ({ params }) => {
  const [prompt] = PROMPTS[params.name] ?? unknown(params.name);
  return { messages: prompt(params.arguments ?? {}).map((content) => ({ role: 'user', content })) };
});
server.setRequestHandler(types.CompleteRequestSchema, ({ params }) => ({
  completion: { values: [`${params.argument.value}1`], total: 1, hasMore: false },
}));

server.connect(new StdioServerTransport());
