// LaunchDarkly's own client-side SDKs against `simlab serve`: in Node, in a page of another origin (whose XMLHttpRequest obeys CORS), and
// the newest one. Usage: node clients.mjs PATH_TO_SIMLAB, in a folder with the packages of package.json.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const server = spawn(process.argv[2], ['serve', 'security'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const url = JSON.parse(line).listening;
const FLAGS = `${url}/api/v2/flags/multi-agent-chatbot`;
const context = { kind: 'user', key: 'user_1', country: 'US' };

async function rest(method, address, body, type = 'application/json') {
  const headers = { authorization: 'api-token', 'content-type': type };
  const answer = await fetch(address, { method, headers, body: JSON.stringify(body) });
  assert(answer.ok, `${method} ${address}: ${await answer.clone().text()}`);
}
const status = async () => (await fetch(`${url}/_simlab/status`)).json();
const made = (key) => rest('POST', FLAGS, { key, name: key, clientSideAvailability: { usingEnvironmentId: true } });
const turnOn = (key) =>
  rest('PATCH', `${FLAGS}/${key}`, { environmentKey: 'production', instructions: [{ kind: 'turnFlagOn' }] }, 'application/json; domain-model=launchdarkly.semanticpatch');
const { keys } = (await status()).launchdarkly;
const id = keys.find((own) => own.environment === 'production').client_side_id;
const custom = async () => (await status()).events_by_kind.custom ?? 0;

async function inNode(ok) {
  await made('node');
  const LD = await import('launchdarkly-node-client-sdk');
  for (const useReport of [false, true]) {
    const options = { baseUrl: url, streamUrl: url, eventsUrl: url, streaming: true, useReport, evaluationReasons: true, logger: LD.basicLogger({ level: 'error' }) };
    const client = LD.initialize(id, context, options);
    await client.waitForInitialization(10);
    assert.equal(client.variation('node'), useReport);
    if (!useReport) {
      const changed = new Promise((resolve) => client.on('change:node', resolve));
      await turnOn('node');
      await changed;
    }
    assert.deepEqual(client.variationDetail('node').reason, { kind: 'FALLTHROUGH' });
    const before = await custom();
    client.track('clicked', null, 2);
    await client.flush();
    assert.equal(await custom(), before + 1);
    await client.close();
  }
  ok('flags by GET and REPORT, stream, reasons, events');
}

async function inPage(ok) {
  await made('page');
  await turnOn('page');
  const { JSDOM } = await import('jsdom');
  const { window } = new JSDOM('', { url: 'https://app.example/' });
  const names = ['window', 'document', 'XMLHttpRequest', 'localStorage', 'location'];
  for (const name of names) globalThis[name] = name === 'window' ? window : window[name];
  const LD = await import('launchdarkly-js-client-sdk');
  const options = { baseUrl: url, streamUrl: url, eventsUrl: url, logger: LD.basicLogger({ level: 'error' }) };
  const client = LD.initialize(id, context, options);
  await client.waitForInitialization(10);
  assert.equal(client.variation('page'), true);
  const before = await custom();
  client.track('clicked');
  await client.flush();
  assert.equal(await custom(), before + 1);
  await client.identify({ kind: 'user', key: 'user_2' });
  assert.deepEqual(client.allFlags(), { node: true, page: true });
  await client.close();
  for (const name of names) delete globalThis[name];
  window.close();
  ok('flags, identify, goals and events of another origin');
}

async function newest(ok) {
  await made('newest');
  await turnOn('newest');
  const { basicLogger, createClient } = await import('@launchdarkly/js-client-sdk');
  const logger = basicLogger({ level: 'error' });
  const client = createClient(id, context, { baseUri: url, streamUri: url, eventsUri: url, logger });
  await client.start({ timeout: 10 });
  assert.equal(client.variation('newest', false), true);
  const before = await custom();
  client.track('clicked');
  await client.flush();
  assert.equal(await custom(), before + 1);
  await client.close();
  ok('flags and events');
}

const ok = (name) => (told) => console.log(`ok: ${name}: ${told}`);
try {
  await inNode(ok('launchdarkly-node-client-sdk'));
  await inPage(ok('launchdarkly-js-client-sdk'));
  await newest(ok('@launchdarkly/js-client-sdk'));
} finally {
  server.kill();
}
process.exit(0);
