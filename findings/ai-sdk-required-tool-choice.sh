#!/usr/bin/env bash
# Packages: ai 6.0.326 and ai 6.0.271, with @ai-sdk/openai 3.0.141 and zod 4.6.7 (npm).
# Expected: generateText with toolChoice "required" and a step limit of 4 gets a tool call, then a reply in text, and returns the text, as
#   it did before; generateText and streamText agree; the usage of a billed reply can be read.
# Found: since the patch release 6.0.272, generateText throws AI_ToolChoiceViolationError at the text, because "required" holds for each
#   step. streamText returns the same text. The error has no usage, and onStepFinish is not called for that step, so its tokens are
#   not reported. With "^6.0.0" in package.json, the same code fails or works by the date of the install. The reply is one of a server that
#   does not enforce tool_choice. prepareStep can set toolChoice for each step.
# The script sends the requests to a server of its own.
# Output seen: 6.0.326: generateText AI_ToolChoiceViolationError, 110 of 220 tokens reported; streamText "Rain in Oslo.", 220 tokens
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/try.mjs" <<'JS'
import http from 'node:http';
import { generateText, stepCountIs, streamText, tool } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { z } from 'zod';

let requests = 0;
const call = { id: 'call-1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
const head = { id: 'r', created: 1, model: 'm' };

const server = http.createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const first = ++requests === 1;
  const finish_reason = first ? 'tool_calls' : 'stop';
  if (JSON.parse(text).stream) {
    const delta = first ? { role: 'assistant', tool_calls: [{ index: 0, ...call }] } : { role: 'assistant', content: 'Rain in Oslo.' };
    const send = chunk => response.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...chunk })}\n\n`);
    response.setHeader('content-type', 'text/event-stream');
    send({ choices: [{ index: 0, delta, finish_reason: null }] });
    send({ choices: [{ index: 0, delta: {}, finish_reason }] });
    send({ choices: [], usage });
    response.end('data: [DONE]\n\n');
  } else {
    const message = { role: 'assistant', ...(first ? { content: null, tool_calls: [call] } : { content: 'Rain in Oslo.' }) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage }));
  }
});
await new Promise(ready => server.listen(0, '127.0.0.1', ready));
const openai = createOpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${server.address().port}/v1` });
const weather = tool({ description: 'Return the weather of a city.', inputSchema: z.object({ city: z.string() }), execute: async () => 'rain' });

for (const [name, run] of [['generateText', generateText], ['streamText', streamText]]) {
  requests = 0;
  let reported = 0;
  let outcome;
  try {
    const result = await run({
      model: openai.chat('m'),
      tools: { weather },
      toolChoice: 'required',
      stopWhen: stepCountIs(4),
      prompt: 'What is the weather in Oslo?',
      onStepFinish: step => { reported += step.usage.totalTokens; },
    });
    outcome = `text "${await result.text}"`;
  } catch (error) {
    outcome = `${error.name}, usage ${error.usage}`;
  }
  console.log(`${name}: ${requests} requests, ${outcome}, ${reported} of ${requests * usage.total_tokens} tokens reported`);
}
server.close();
JS
try() {
  mkdir "$dir/$1"
  cp "$dir/try.mjs" "$dir/$1/"
  echo '{"name":"try","version":"1.0.0","private":true}' >"$dir/$1/package.json"
  (cd "$dir/$1" && npm install --silent --no-audit --no-fund --ignore-scripts "ai@$1" @ai-sdk/openai@3.0.141 zod@4.6.7 >&2 && node try.mjs)
}
before=$(try 6.0.271)
after=$(try 6.0.326)
printf 'ai 6.0.271\n%s\nai 6.0.326\n%s\n' "$before" "$after"
text='2 requests, text "Rain in Oslo.", 220 of 220 tokens reported'
error='2 requests, AI_ToolChoiceViolationError, usage undefined, 110 of 220 tokens reported'
if [[ "$before" == "generateText: $text"$'\n'"streamText: $text" && "$after" == "generateText: $error"$'\n'"streamText: $text" ]]; then
  echo "as found"
else
  echo "changed"
  exit 1
fi
