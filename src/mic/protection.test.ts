import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientIdOf, identityId } from '../../test/make/objects.ts'
import { createProtection, type ProtectionOptions } from './protection.ts'

const ID = identityId('x').toLowerCase()
const nobody = { clientId: '', objectId: '', resourceId: '' }
const held = { clientId: clientIdOf('x'), principalId: 'f00df00d-0000-4000-8000-000000000001' }

const verdict = (options: Partial<ProtectionOptions>, present = held): string =>
  createProtection({ immutable: [], clusterIdentity: () => '', login: () => nobody, ...options }).of(
    ID,
    present,
  )

test('an identity that nothing names is free', () => {
  assert.equal(verdict({}), 'free')
  assert.equal(verdict({ immutable: [clientIdOf('other')] }), 'free')
  assert.equal(verdict({ immutable: ['', ' '] }, { clientId: '', principalId: '' }), 'free')
})

test('immutable and cluster identities are known by client id and by resource id, in any case', () => {
  for (const name of [
    clientIdOf('x'),
    clientIdOf('x').toUpperCase(),
    identityId('x'),
    ` ${clientIdOf('x')} `,
  ]) {
    assert.equal(verdict({ immutable: [name] }), 'protected', name)
    assert.equal(verdict({ clusterIdentity: () => name }), 'protected', name)
  }
})

test('the identity that MIC logs in with is known by each of its ids', () => {
  assert.equal(verdict({ login: () => ({ ...nobody, clientId: clientIdOf('x') }) }), 'protected')
  assert.equal(
    verdict({ login: () => ({ ...nobody, objectId: held.principalId.toUpperCase() }) }),
    'protected',
  )
  assert.equal(verdict({ login: () => ({ ...nobody, resourceId: ID }) }), 'protected')
})

test('without a client id from ARM nothing is free that a client id could protect', () => {
  const bare = { clientId: '', principalId: '' }
  assert.equal(verdict({ immutable: [clientIdOf('y')] }, bare), 'unknown')
  assert.equal(verdict({ clusterIdentity: () => clientIdOf('y') }, bare), 'unknown')
  assert.equal(verdict({}, bare), 'free')
})
