// Lints schemas/openapi.yaml by Redocly's rules and schemas/asyncapi.yaml by AsyncAPI's own parser. One line a problem; exit 1 if any.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const [modules, root] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'package.json'));
const { createConfig, lint } = require('@redocly/openapi-core');
const { Parser } = require('@asyncapi/parser');
const { default: Ajv } = require('ajv');
const { default: addFormats } = require('ajv-formats');

const rules = {
  'no-invalid-media-type-examples': 'error',
  'no-invalid-schema-examples': 'error',
  'no-invalid-parameter-examples': 'error',
  'operation-operationId': 'error',
  'operation-operationId-unique': 'error',
  'operation-summary': 'error',
  'operation-description': 'off',
  'operation-4xx-response': 'off', // the admin listener's routes have none
  'parameter-description': 'error',
  'tag-description': 'error',
  'operation-singular-tag': 'error',
  'no-unused-components': 'error',
  'no-server-example.com': 'off',
  'no-ambiguous-paths': 'off', // /tokens/usage/{id} and /tokens/{id} differ in length
};

async function lintOpenapi(file) {
  const config = await createConfig({ extends: ['recommended'], rules });
  const found = await lint({ ref: file, config });
  return found.map(({ severity, ruleId, message, location }) => {
    const at = location?.[0]?.pointer ?? '';
    return `openapi.yaml: ${severity}: ${at}: ${message.split('\n')[0]} (${ruleId})`;
  });
}

// The parser checks examples of AsyncAPI 2 only. Members that a schema does not name are a slip of the pen here.
function exampleProblems(document) {
  const ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
  const problems = [];
  for (const message of document.allMessages()) {
    if (message.examples().length === 0) problems.push(`${message.name()}: no example`);
    for (const example of message.examples()) {
      for (const part of ['headers', 'payload']) {
        const schema = closed(message[part]().json());
        if (!ajv.validate(schema, example[part]()))
          problems.push(`${message.name()}: example's ${part}: ${ajv.errorsText()}`);
      }
    }
  }
  return problems;
}

function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  const copy = Object.fromEntries(
    Object.entries(schema).filter(([key]) => !key.startsWith('x-parser')).map(([key, value]) => [key, closed(value)]));
  if (copy.type === 'object' && copy.properties && copy.additionalProperties === undefined) copy.additionalProperties = false;
  return copy;
}

async function lintAsyncapi(file) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
  const counted = diagnostics.filter(({ severity, code }) => severity <= 1 && code !== 'asyncapi-latest-version');
  return [
    ...counted.map(({ path: at, message, code }) => `asyncapi.yaml: ${at.join('/')}: ${message} (${code})`),
    ...(document ? exampleProblems(document).map((problem) => `asyncapi.yaml: ${problem}`) : []),
  ];
}

const problems = [
  ...(await lintOpenapi(path.join(root, 'schemas/openapi.yaml'))),
  ...(await lintAsyncapi(path.join(root, 'schemas/asyncapi.yaml'))),
];
problems.forEach((problem) => console.log(problem));
console.log(problems.length === 0 ? 'lint: openapi.yaml and asyncapi.yaml are in order' : `lint: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
