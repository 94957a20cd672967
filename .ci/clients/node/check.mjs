// OpenAI's own Node client, its agents and the Vercel AI SDK, which speak the Responses format, against `simlab serve`: hello, stream,
// tools, typed answers. Usage: node check.mjs PATH_TO_SIMLAB, in a folder with the packages of package.json.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const server = spawn(process.argv[2], ['serve', 'security'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const baseURL = `${JSON.parse(line).listening}/v1`;
process.env.OPENAI_BASE_URL = baseURL;
process.env.OPENAI_API_KEY = 'key';

const { z } = await import('zod');
const QUESTION = 'What is the weather in Paris?';
const MODELS = ['gpt-4o', 'gpt-5']; // the second one reasons
const Weather = z.object({ city: z.string(), degrees: z.number().int() });
const City = z.object({ city: z.string() });
const all = async (stream) => {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
};

async function openai(ok) {
  const { default: OpenAI } = await import('openai');
  const { zodTextFormat } = await import('openai/helpers/zod');
  const client = new OpenAI({ maxRetries: 0 });
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
  const tools = [{ type: 'function', name: 'get_weather', parameters, strict: true }];
  for (const model of MODELS) {
    assert((await client.responses.create({ model, input: 'Hello' })).output_text);
    const events = await all(await client.responses.create({ model, input: 'Hello', stream: true }));
    assert.equal(events.at(-1).type, 'response.completed');
    const text = { format: zodTextFormat(Weather, 'weather') };
    assert(Weather.parse((await client.responses.parse({ model, input: QUESTION, text })).output_parsed));
    const stream = client.responses.stream({ model, input: QUESTION, tools, tool_choice: 'required' });
    await all(stream);
    const asked = await stream.finalResponse();
    const call = asked.output.find((item) => item.type === 'function_call');
    const input = [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }];
    assert((await client.responses.create({ model, input, previous_response_id: asked.id, tools })).output_text);
  }
  const conversation = await client.conversations.create({});
  await client.responses.create({ model: 'gpt-4o', conversation: conversation.id, input: 'Hello' });
  assert.equal((await all(client.conversations.items.list(conversation.id, { limit: 1 }))).length, 2);
  ok('hello, stream, typed, tools, conversation');
}

async function agents(ok) {
  const { Agent, run, setTracingDisabled, tool } = await import('@openai/agents');
  setTracingDisabled(true);
  const cities = [];
  const description = 'Get the weather of a city';
  const getWeather = tool({ name: 'get_weather', description, parameters: City, execute: ({ city }) => (cities.push(city), 'sunny') });
  // Without a model: the default one of the framework.
  for (const more of [{}, { model: 'gpt-4o' }]) {
    const plain = new Agent({ name: 'plain', instructions: 'You help.', ...more });
    assert((await run(plain, 'Hello')).finalOutput);
    const streamed = await run(plain, 'Hello', { stream: true });
    assert((await all(streamed)).length > 0 && streamed.finalOutput);
    for (const toolChoice of ['auto', 'required']) {
      const agent = new Agent({ name: 'a', instructions: 'You help.', tools: [getWeather], modelSettings: { toolChoice }, ...more });
      assert((await run(agent, QUESTION)).finalOutput && cities.length > 0);
      cities.length = 0;
    }
    const typed = new Agent({ name: 'typed', instructions: 'You help.', outputType: Weather, ...more });
    assert(Weather.parse((await run(typed, QUESTION)).finalOutput));
    const refund = new Agent({ name: 'refund', instructions: 'You handle refunds.', ...more });
    const triage = Agent.create({ name: 'triage', instructions: 'Hand over to the right agent.', handoffs: [refund], ...more });
    assert.equal((await run(triage, 'I want a refund.')).lastAgent.name, 'refund');
  }
  ok('hello, stream, tools, typed, handoff');
}

async function vercel(ok) {
  const { createOpenAI } = await import('@ai-sdk/openai');
  const { Output, generateObject, generateText, stepCountIs, streamObject, streamText, tool } = await import('ai');
  const provider = createOpenAI({ baseURL, apiKey: 'key' });
  const cities = [];
  const execute = async ({ city }) => (cities.push(city), 'sunny');
  const tools = { getWeather: tool({ description: 'Get the weather of a city', inputSchema: City, execute }) };
  const stopWhen = stepCountIs(4);
  for (const name of MODELS) {
    const model = provider(name);
    const plain = await generateText({ model, system: 'You help.', prompt: 'Hello' });
    assert(plain.text && plain.usage.totalTokens > 0);
    const messages = [{ role: 'user', content: 'Hello' }, ...plain.response.messages, { role: 'user', content: 'More.' }];
    assert((await generateText({ model, messages })).text);
    const streamed = streamText({ model, prompt: 'Hello' });
    assert((await all(streamed.textStream)).length > 0 && (await streamed.usage).totalTokens > 0);
    // Items that are kept are referred to by id; without, they are sent again.
    for (const store of [true, false]) {
      const providerOptions = { openai: { store, ...(store ? {} : { include: ['reasoning.encrypted_content'] }) } };
      const answer = await generateText({ model, prompt: QUESTION, tools, stopWhen, providerOptions });
      assert(answer.text && answer.finishReason === 'stop' && cities.length > 0);
      cities.length = 0;
    }
    const parts = await all(streamText({ model, prompt: QUESTION, tools, stopWhen }).fullStream);
    assert(!parts.some((part) => part.type === 'error') && parts.some((part) => part.type === 'tool-result'));
    const question = { model, prompt: QUESTION };
    assert(Weather.parse((await generateObject({ ...question, schema: Weather })).object));
    assert((await generateObject({ ...question, output: 'array', schema: City })).object.length > 0);
    assert.equal((await generateObject({ ...question, output: 'enum', enum: ['sun', 'rain'] })).object.length > 2, true);
    const object = streamObject({ ...question, schema: Weather });
    await all(object.partialObjectStream);
    assert(Weather.parse(await object.object));
    assert(City.parse((await generateText({ ...question, tools, stopWhen, output: Output.object({ schema: City }) })).output));
  }
  ok('hello, history, stream, tools, typed, typed with tools');
}

let failed = 0;
console.log(`${'Responses on Node with'.padEnd(28)} ${'version'.padEnd(10)} checks passed`);
for (const [name, check] of Object.entries({ openai, '@openai/agents': agents, '@ai-sdk/openai': vercel })) {
  const version = JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
  const title = `${name.padEnd(28)} ${version.padEnd(10)}`;
  const passed = [];
  try {
    await check((what) => passed.push(what));
    console.log(`${title} ${passed.length}: ${passed.join('; ')}`);
  } catch (error) {
    // Every client is tried, whatever became of the one before.
    failed += 1;
    console.log(`${title} FAILED after ${passed.join('; ') || 'nothing'}`, error);
  }
}
server.kill();
process.exit(failed ? 1 : 0);
