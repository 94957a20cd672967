// Walks the graph that `simlab serve` serves with a built `@launchdarkly/server-sdk-ai` 2: node graph.cjs SDK URL GRAPH
const { createRequire } = require('node:module');

(async () => {
  const [sdk, url, key] = process.argv.slice(2);
  const { init } = createRequire(sdk)('@launchdarkly/node-server-sdk');
  const { initAi } = require(sdk);
  const status = await (await fetch(`${url}/_simlab/status`)).json();
  const client = init(status.launchdarkly.sdk_key, { baseUri: url, streamUri: url, eventsUri: url });
  await client.waitForInitialization({ timeout: 10 });
  const graph = await initAi(client).agentGraph(key, { kind: 'user', key: 'user_1', country: 'US', plan: 'paid' });
  if (!graph.enabled) throw new Error('the graph is disabled');
  const nodes = [];
  graph.traverse((node) => nodes.push(node));
  if (nodes.length !== 4) throw new Error(`${nodes.length} nodes`);
  for (const node of nodes.slice(0, 2)) {
    const tracker = node.getConfig().createTracker();
    tracker.trackTokens({ total: 30, input: 20, output: 10 });
    tracker.trackDuration(9);
    tracker.trackSuccess();
    tracker.trackToolCall('search_v2');
  }
  const tracker = graph.createTracker();
  tracker.trackDuration(1200);
  tracker.trackInvocationSuccess();
  tracker.trackPath(nodes.slice(0, 2).map((node) => node.getKey()));
  tracker.trackTotalTokens({ total: 60, input: 40, output: 20 });
  await client.flush();
  client.close();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
