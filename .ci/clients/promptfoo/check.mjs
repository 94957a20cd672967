// promptfoo, unmodified, against `simlab serve`: a greeting that another model grades, a tool loop, a typed answer; OpenAI (chat and Responses), Anthropic, Mistral.
// Usage: node check.mjs PATH_TO_SIMLAB, in a folder with the packages of package.json.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const server = spawn(process.argv[2], ['serve', 'security'], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const base = JSON.parse(line).listening;
const folder = mkdtempSync(join(tmpdir(), 'promptfoo-'));
const env = {
  ...process.env, OPENAI_API_KEY: 'key', OPENAI_BASE_URL: `${base}/v1`, ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: base, MISTRAL_API_KEY: 'key',
  MISTRAL_API_BASE_URL: `${base}/mistral/v1`, PROMPTFOO_CONFIG_DIR: folder, PROMPTFOO_DISABLE_TELEMETRY: '1', PROMPTFOO_DISABLE_UPDATE: '1',
};
const fields = { city: { type: 'string' }, temperature: { type: 'number' }, summary: { type: 'string' } };
const schema = { type: 'object', properties: fields, required: Object.keys(fields), additionalProperties: false };
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const weather = { name: 'get_weather', description: 'Get the current weather in a city.', parameters };
const functionToolCallbacks = { get_weather: 'async (args) => `18 degrees and sunny in ${JSON.parse(args).city}`' };
const chat = (config) => ({ id: 'openai:chat:gpt-4o', config });
const responses = (config) => ({ id: 'openai:responses:gpt-4o', config });
const isOslo = '(typeof output === "string" ? JSON.parse(output) : output).city === "Oslo"';

async function evaluate(name, providers, question, assertions) {
  const [config, out] = [join(folder, `${name}.json`), join(folder, `${name}.out.json`)];
  writeFileSync(config, JSON.stringify({
    prompts: ['{{question}}'], providers, defaultTest: { options: { provider: 'openai:chat:gpt-4o' } }, tests: [{ vars: { question }, assert: assertions }],
  }));
  const arguments_ = ['eval', '-c', config, '-o', out, '--no-cache', '--no-table', '--no-progress-bar'];
  const run = spawn('node', ['node_modules/promptfoo/dist/src/main.js', ...arguments_], { env, stdio: 'ignore' });
  await once(run, 'exit');
  const found = JSON.parse(readFileSync(out, 'utf8')).results.results;
  assert.equal(found.length, providers.length);
  return found;
}

try {
  const all = ['openai:chat:gpt-4o', 'openai:responses:gpt-4o', 'anthropic:messages:claude-sonnet-4-5', 'mistral:mistral-small-latest'];
  const rubric = { type: 'llm-rubric', value: 'Is a greeting' };
  for (const one of await evaluate('hello', all, 'Hello!', [{ type: 'cost', threshold: 1 }, rubric])) {
    assert(one.response.output && one.cost > 0, JSON.stringify(one.response));
    const [cost, graded] = one.gradingResult.componentResults;
    assert(cost.pass);
    // Whether it passes is the grader's luck; that it can be read is not.
    assert(!/Could not extract/.test(graded.reason) && typeof graded.pass === 'boolean', graded.reason);
  }
  const tools = [chat({ tools: [{ type: 'function', function: weather }], functionToolCallbacks }), responses({ tools: [{ type: 'function', ...weather }], functionToolCallbacks })];
  for (const one of await evaluate('tools', tools, 'What is the weather in Paris?', [{ type: 'contains', value: '18 degrees and sunny in Paris' }])) assert(one.success, one.error);
  const typed = [
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'report', strict: true, schema } } }),
    responses({ response_format: { type: 'json_schema', name: 'report', strict: true, schema } }),
  ];
  for (const one of await evaluate('typed', typed, 'The weather in Oslo is 4 degrees.', [{ type: 'javascript', value: isOslo }])) assert(one.success, one.error);
  console.log(`promptfoo ${JSON.parse(readFileSync('node_modules/promptfoo/package.json')).version}: hello, graded, tools, typed`);
} finally {
  server.kill();
}
