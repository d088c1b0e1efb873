import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { Ledger, OwnershipConflict } from './ownership.ts'

const { signal } = new AbortController()

function makeLedger() {
  const cluster = new FakeCluster(new FakeClock())
  return { cluster, ledger: new Ledger(cluster.ownershipRecords()) }
}

test('what is recorded is found by the next leader, and what changes nothing is not written', async () => {
  const { cluster, ledger } = makeLedger()
  await ledger.change('g', { record: new Map([['a', 'added']]) }, signal)
  await ledger.change('g', { record: new Map([['a', 'added']]), forget: ['b'] }, signal)
  assert.equal(cluster.writes.length, 1)
  const next = new Ledger(cluster.ownershipRecords())
  await next.load(signal)
  assert.equal(next.origin('g', 'a'), 'added')
  assert.equal(next.origin('g', 'b'), undefined)
  assert.equal(next.origin('g', 'constructor'), undefined)
})

test('a record without identities disappears', async () => {
  const { cluster, ledger } = makeLedger()
  await ledger.change('g', { record: new Map([['a', 'added']]) }, signal)
  await ledger.change('g', { forget: ['a'] }, signal)
  assert.equal(cluster.ownership.size, 0)
  assert.deepEqual([...ledger.groups()], [])
})

test('a record that failed to be written is not believed', async () => {
  const { cluster, ledger } = makeLedger()
  cluster.beforeWrite = () => {
    throw new Error('503')
  }
  await assert.rejects(ledger.change('g', { record: new Map([['a', 'added']]) }, signal), /503/)
  assert.equal(ledger.origin('g', 'a'), undefined)
})

test('after a conflict the record is as the other writer left it', async () => {
  const { cluster, ledger } = makeLedger()
  await ledger.change('g', { record: new Map([['a', 'added']]) }, signal)
  const other = new Ledger(cluster.ownershipRecords())
  await other.load(signal)
  await other.change('g', { record: new Map([['b', 'found']]) }, signal)
  await assert.rejects(ledger.change('g', { forget: ['a'] }, signal), OwnershipConflict)
  assert.equal(ledger.origin('g', 'b'), 'found')
  await ledger.change('g', { forget: ['a'] }, signal)
  assert.deepEqual(ledger.of('g'), [['b', 'found']])
})
