import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPatient } from './patience.ts'

test('command line tools wait, and the libraries that ask again do not have to', () => {
  for (const each of ['curl/7.88.1', 'Wget/1.21.3', 'python-requests/2.34.2'])
    assert.ok(isPatient(each), each)
  const libraries = [
    'azsdk-js-identity/4.14.1 core-rest-pipeline/1.24.0 Node/24.1.0',
    'azsdk-python-identity/1.27.0 Python/3.11.2',
    'azsdk-go-azidentity/v1.15.0 (go1.26; linux)',
    'azsdk-java-azure-identity/1.19.0 (17.0.15; Linux; 6.1)',
    'Go-http-client/1.1',
    '',
    undefined,
  ]
  for (const each of libraries) assert.ok(!isPatient(each), each)
})
