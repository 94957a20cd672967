// Further frameworks on Node, unmodified, against `simlab serve`: a greeting, a stream, a tool loop that ends, and a typed answer of each.
// Usage: node rows.mjs PATH_TO_SIMLAB, in a folder with the packages of package.json.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const server = spawn(process.argv[2], ['serve', 'security'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const base = JSON.parse(line).listening;
Object.assign(process.env, {
  OPENAI_API_KEY: 'key', OPENAI_BASE_URL: `${base}/v1`, ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: base, MISTRAL_API_KEY: 'key', MASTRA_TELEMETRY_DISABLED: '1',
});
const WEATHER = 'What is the weather in Paris?';
const OSLO = 'The weather in Oslo is 4 degrees.';
const City = z.object({ city: z.string().describe('The name of the city') });
const Report = z.object({ city: z.string(), temperature: z.number(), summary: z.string() });
const description = 'Get the current weather in a city';
const asked = [];
const getWeather = ({ city }) => (asked.push(city), `18 degrees and sunny in ${city}`);
const told = (text) => {
  assert.deepEqual(asked.splice(0), ['Paris']);
  assert.match(String(text), /18 degrees/);
};
const typed = (report) => assert.deepEqual([report.city, report.temperature], ['Oslo', 4]);
const joined = async (stream, piece) => {
  let text = '';
  for await (const part of stream) text += piece(part) ?? '';
  assert(text);
};

async function langchain(row) {
  const { createAgent, tool, toolStrategy } = await import('langchain');
  const { ChatOpenAI } = await import('@langchain/openai');
  const { ChatAnthropic } = await import('@langchain/anthropic');
  const { ChatMistralAI } = await import('@langchain/mistralai');
  const tools = [tool(getWeather, { name: 'get_weather', description, schema: City })];
  const models = [
    new ChatOpenAI({ model: 'gpt-4o' }),
    new ChatOpenAI({ model: 'gpt-4o', useResponsesApi: true }),
    new ChatAnthropic({ model: 'claude-sonnet-4-5', anthropicApiUrl: base }),
    new ChatMistralAI({ model: 'mistral-small-latest', serverURL: `${base}/mistral` }),
  ];
  const ask = (agent, content) => agent.invoke({ messages: [{ role: 'user', content }] });
  for (const model of models) {
    assert((await model.invoke('Hello!')).text);
    await joined(await model.stream('Hello!'), (part) => part.text);
    told((await ask(createAgent({ model, tools }), WEATHER)).messages.at(-1).text);
    const { structuredResponse } = await ask(createAgent({ model, tools, responseFormat: toolStrategy(Report) }), WEATHER);
    assert.equal(structuredResponse.city, 'Paris');
    asked.length = 0;
    typed(await model.withStructuredOutput(Report).invoke(OSLO));
  }
  row('hello', 'stream', 'tools', 'typed');
}

async function vercel(row) {
  const { createAnthropic } = await import('@ai-sdk/anthropic');
  const { createMistral } = await import('@ai-sdk/mistral');
  const { createOpenAI } = await import('@ai-sdk/openai');
  const { generateObject, generateText, stepCountIs, streamText, tool } = await import('ai');
  const tools = { get_weather: tool({ description, inputSchema: City, execute: async (input) => getWeather(input) }) };
  const models = [
    createOpenAI({}).chat('gpt-4o'),
    // As the variable of Anthropic's own client has it, without /v1.
    createAnthropic({ baseURL: base })('claude-sonnet-4-5'),
    createAnthropic({ baseURL: `${base}/v1` })('claude-sonnet-4-5'),
    createMistral({ baseURL: `${base}/mistral/v1` })('mistral-small-latest'),
  ];
  for (const model of models) {
    assert((await generateText({ model, prompt: 'Hello!' })).text);
    await joined(streamText({ model, prompt: 'Hello!' }).textStream, (part) => part);
    told((await generateText({ model, prompt: WEATHER, tools, stopWhen: stepCountIs(5) })).text);
    typed((await generateObject({ model, schema: Report, prompt: OSLO })).object);
  }
  row('hello', 'stream', 'tools', 'typed');
}

async function mastra(row) {
  const { Agent } = await import('@mastra/core/agent');
  const { createTool } = await import('@mastra/core/tools');
  const get_weather = createTool({ id: 'get_weather', description, inputSchema: City, execute: async (input) => getWeather(input.context ?? input) });
  const agent = (tools) => new Agent({ id: 'helper', name: 'helper', instructions: 'You help.', model: 'openai/gpt-4o', tools });
  assert((await agent({}).generate('Hello!')).text);
  await joined((await agent({}).stream('Hello!')).textStream, (part) => part);
  told((await agent({ get_weather }).generate(WEATHER)).text);
  typed((await agent({}).generate(OSLO, { structuredOutput: { schema: Report } })).object);
  row('hello', 'stream', 'tools', 'typed');
}

let failed = 0;
console.log(`${'framework'.padEnd(24)} ${'version'.padEnd(10)} what passed`);
for (const [name, check] of Object.entries({ langchain, '@ai-sdk/anthropic': vercel, '@mastra/core': mastra })) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  const title = `${name.padEnd(24)} ${version.padEnd(10)}`;
  const passed = [];
  try {
    asked.length = 0;
    await check((...what) => passed.push(...what));
    console.log(`${title} ${passed.join(', ')}`);
  } catch (error) {
    // Every framework is tried, whatever became of the one before.
    failed += 1;
    console.log(`${title} FAILED after ${passed.join(', ') || 'nothing'}`, error);
  }
}
server.kill();
process.exit(failed ? 1 : 0);
