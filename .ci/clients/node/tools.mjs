// The official MCP clients for Node against `simlab serve`: of the versions with a handshake, and of the newest one.
// Usage: node tools.mjs PATH_TO_SIMLAB, in a folder with the packages of package.json.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import * as older from '@modelcontextprotocol/sdk/client/index.js';
import * as transport from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as newer from '@modelcontextprotocol/client';

const server = spawn(process.argv[2], ['serve', 'security'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const base = JSON.parse(line).listening;
const me = { name: 'check', version: '1.0.0' };
const ways = {
  '@modelcontextprotocol/sdk': [new older.Client(me), transport.StreamableHTTPClientTransport, true],
  '@modelcontextprotocol/client': [new newer.Client(me, { versionNegotiation: { mode: 'auto' } }), newer.StreamableHTTPClientTransport, false],
  '@modelcontextprotocol/client, with a handshake': [new newer.Client(me), newer.StreamableHTTPClientTransport, true],
};
try {
  for (const [name, [client, Transport, session]] of Object.entries(ways)) {
    const through = new Transport(new URL(`${base}/mcp/arxiv`));
    await client.connect(through);
    assert.equal(through.sessionId !== undefined, session);
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), ['search_papers']);
    const found = await client.callTool({ name: 'search_papers', arguments: { query: 'Q-Learning', max_results: 3 } });
    assert(!found.isError && found.content[0].text.length > 100);
    await assert.rejects(client.callTool({ name: 'other', arguments: {} }));
    if (session) {
      await through.terminateSession();
      assert.equal(through.sessionId, undefined);
    }
    await client.close();
    const { version } = JSON.parse(await readFile(`node_modules/${name.split(',')[0]}/package.json`));
    console.log(`${name} ${version}: list, call, unknown tool${session ? ', end of the session' : ''}`);
  }
} finally {
  server.kill();
}
