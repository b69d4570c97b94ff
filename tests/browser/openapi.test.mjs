// The document that `conclave openapi` prints, against the JSON schema of OpenAPI 3.1 and its references. No browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { conclave } from './harness/server.mjs';

test('the document of the interface is valid OpenAPI 3.1, and all it refers to is in it', async () => {
  const document = JSON.parse(execFileSync(conclave, ['openapi'], { encoding: 'utf8' }));
  const validator = new Validator();
  const verdict = await validator.validate(document);
  assert.deepEqual(verdict.errors ?? [], []);
  assert.ok(verdict.valid);
  assert.equal(validator.version, '3.1');
  // What cannot be resolved throws.
  assert.ok(Object.keys(validator.resolveRefs().paths ?? {}).length > 15);

  delete document.info.title;
  assert.equal((await new Validator().validate(document)).valid, false, 'a document without a title is none');
});
