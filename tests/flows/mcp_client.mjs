// Lists and calls tools with the npm SDK of the handshake era, and prints what it saw as JSON.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [address, key, dataset] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const transport = new StreamableHTTPClientTransport(new URL(address), { requestInit: { headers } });
const client = new Client({ name: "flow", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
const facts = await client.callTool({ name: "datasets_describe", arguments: { id: dataset } });
const wrong = await client.callTool({ name: "datasets_describe", arguments: {} });
const { contents } = await client.readResource({ uri: `sextant://datasets/dataset/${dataset}` });
const unknown = await client.callTool({ name: "nothing_here", arguments: {} }).catch((error) => error.code);
await client.close();
console.log(
  JSON.stringify({
    revision: transport.protocolVersion,
    session: transport.sessionId ?? null,
    tools: tools.map((tool) => tool.name),
    name: facts.structuredContent.name,
    isError: wrong.isError,
    read: JSON.parse(contents[0].text).name,
    unknown,
  }),
);
