#!/usr/bin/env bash
# Packages: @anthropic-ai/sdk 1.14.0, @ai-sdk/anthropic 3.0.140 with ai 6.0.326 (npm).
# Expected: two clients that read the same variable, ANTHROPIC_BASE_URL, send the same request to the same address.
# Found: Anthropic's own client appends /v1/messages to it, the AI SDK's provider appends /messages. With a gateway's address as Anthropic's
#   documentation gives it (no /v1), every call of the AI SDK goes to a path that the API does not have; with /v1 for the AI SDK,
#   Anthropic's client asks for /v1/v1/messages. An app that uses both needs two values for one variable.
# The script sends the requests to a server of its own.
# Output seen: @anthropic-ai/sdk /v1/messages; @ai-sdk/anthropic /messages
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/try.mjs" <<'JS'
import http from 'node:http';

const paths = [];
const server = http.createServer((request, response) => {
  paths.push(request.url);
  request.resume();
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({
    id: 'm', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn', stop_sequence: null,
    content: [{ type: 'text', text: 'Hello' }], usage: { input_tokens: 1, output_tokens: 1 },
  }));
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
process.env.ANTHROPIC_BASE_URL = `http://127.0.0.1:${server.address().port}`;
process.env.ANTHROPIC_API_KEY = 'k';

const { default: Anthropic } = await import('@anthropic-ai/sdk');
await new Anthropic().messages.create({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'Hello' }] });
const { anthropic } = await import('@ai-sdk/anthropic');
const { generateText } = await import('ai');
await generateText({ model: anthropic('m'), prompt: 'Hello', maxRetries: 0 });
server.close();
console.log(`@anthropic-ai/sdk ${paths[0]}; @ai-sdk/anthropic ${paths[1]}`);
const found = paths[0] === '/v1/messages' && paths[1] === '/messages';
console.log(found ? 'as found' : 'changed');
process.exit(found ? 0 : 1);
JS
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/sdk@1.14.0 @ai-sdk/anthropic@3.0.140 ai@6.0.326 zod@4.6.7
node try.mjs
