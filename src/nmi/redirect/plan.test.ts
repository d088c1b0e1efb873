import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../../base/errors.ts'
import { faultsOf, removalInput, repairInput } from './plan.ts'
import { targetAddress, wantedChains } from './rules.ts'
import { isRelevantLine, parseSavedRules } from './saved-rules.ts'

const ADDRESSES = {
  metadataIp: '169.254.169.254',
  metadataPort: 80,
  listenAddress: '10.240.0.4',
  listenPort: 2579,
}

const SAVED = `# Warning: iptables-legacy tables present, use iptables-legacy-save to see them
*nat
:PREROUTING ACCEPT [12:720]
:aad-metadata - [0:0]
-A PREROUTING -j aad-metadata
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.240.0.4:2579
-A aad-metadata -j RETURN
COMMIT
`.split('\n')

test('the rules of the old agent are recognised as the wanted ones', () => {
  const saved = parseSavedRules(SAVED)
  const [redirect] = wantedChains(ADDRESSES)
  assert.ok(redirect !== undefined)
  assert.deepEqual(faultsOf(redirect, saved), [])
  assert.equal(repairInput([redirect], saved), undefined)
})

test('rules printed with counters are read like rules without', () => {
  const counted = SAVED.map((line) => line.replace(/^-A/, '[3:180] -A'))
  assert.deepEqual(parseSavedRules(counted), parseSavedRules(SAVED))
})

test('an empty table gets chain, rules and jump in one transaction', () => {
  assert.equal(
    repairInput(wantedChains(ADDRESSES), parseSavedRules(['*nat', ':PREROUTING ACCEPT [0:0]', 'COMMIT'])),
    [
      '*nat',
      ':aad-metadata - [0:0]',
      '-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.240.0.4:2579',
      '-A aad-metadata -j RETURN',
      '-I PREROUTING 1 -j aad-metadata',
      'COMMIT',
      '',
    ].join('\n'),
  )
})

test('a jump that slipped behind another rule is moved, and the chain is not touched', () => {
  const moved = SAVED.filter((line) => line !== '-A PREROUTING -j aad-metadata')
  moved.splice(moved.indexOf('COMMIT'), 0, '-A PREROUTING -j aad-metadata')
  assert.equal(
    repairInput(wantedChains(ADDRESSES), parseSavedRules(moved)),
    '*nat\n-D PREROUTING -j aad-metadata\n-I PREROUTING 1 -j aad-metadata\nCOMMIT\n',
  )
})

test('an agent that moved to another port changes the chain and leaves the jump', () => {
  const [redirect] = wantedChains({ ...ADDRESSES, listenPort: 2580 })
  assert.ok(redirect !== undefined)
  assert.deepEqual(faultsOf(redirect, parseSavedRules(SAVED)), ['chain_changed'])
})

test('removal takes the jump, empties and deletes the chain', () => {
  assert.equal(
    removalInput(parseSavedRules(SAVED)),
    '*nat\n-D PREROUTING -j aad-metadata\n-F aad-metadata\n-X aad-metadata\nCOMMIT\n',
  )
  assert.equal(removalInput(parseSavedRules(['*nat', 'COMMIT'])), undefined)
})

test('what other programs have outside PREROUTING is not kept in memory', () => {
  assert.equal(isRelevantLine('-A KUBE-SVC-ABC -m statistic --mode random -j KUBE-SEP-XYZ'), false)
  assert.deepEqual(SAVED.filter((line) => line.startsWith('-A')).every(isRelevantLine), true)
})

test('an agent behind a wildcard or localhost is redirected to by 127.0.0.1, another by its address', () => {
  for (const wildcard of ['', '0.0.0.0', '::', 'localhost', '127.0.0.1']) {
    assert.equal(targetAddress(wildcard), '127.0.0.1')
  }
  assert.equal(targetAddress('10.240.0.4'), '10.240.0.4')
})

test('only a redirect to loopback brings the guard', () => {
  assert.deepEqual(
    wantedChains(ADDRESSES).map(({ name }) => name),
    ['aad-metadata'],
  )
  assert.deepEqual(
    wantedChains({ ...ADDRESSES, listenAddress: '127.0.0.1' }).map(({ name }) => name),
    ['aad-metadata', 'aad-metadata-guard'],
  )
})

test('an address that cannot be redirected is refused with the flag to change', () => {
  assert.throws(
    () => wantedChains({ ...ADDRESSES, listenAddress: 'fd00::4' }),
    (thrown) => thrown instanceof OperatorError && thrown.message.includes('--nmi-listen-address'),
  )
  assert.throws(
    () => wantedChains({ ...ADDRESSES, metadataIp: 'fd00::4' }),
    (thrown) => thrown instanceof OperatorError && thrown.message.includes('--metadata-ip'),
  )
})
