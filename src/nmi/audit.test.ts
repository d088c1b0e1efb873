import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { clientIdOf, makeIdentity, makePod } from '../../test/make/objects.ts'
import { type AuditEntry, createAudit, shortenIds } from './audit.ts'

function setting(write?: (lines: string, done: () => void) => void) {
  const clock = new FakeClock()
  const lines: Record<string, unknown>[] = []
  const drops: number[] = []
  const audit = createAudit({
    clock,
    write:
      write ??
      ((text, done) => {
        for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line) as Record<string, unknown>)
        done()
      }),
    onDrop: () => drops.push(clock.monotonic()),
  })
  return { clock, lines, audit, drops }
}

function entry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    door: 'token',
    pod: makePod(),
    address: '10.244.0.10',
    identity: makeIdentity(),
    resource: 'https://vault.azure.net',
    outcome: 'granted',
    cached: true,
    requestId: 'r-1',
    durationMs: 0.25,
    ...fields,
  }
}

test('a granted token leaves one line with who, what and how long', async () => {
  const { clock, lines, audit } = setting()
  audit.record(entry())
  await clock.advance(200)
  const id = clientIdOf('shop')
  assert.deepEqual(lines, [
    {
      level: 'info',
      component: 'nmi',
      message: 'token decision',
      door: 'token',
      pod: 'default/shop-0',
      podUid: 'uid-default-shop-0',
      serviceAccount: 'default',
      address: '10.244.0.10',
      identity: 'default/shop',
      clientId: `${id.slice(0, 4)}...${id.slice(-4)}`,
      resource: 'https://vault.azure.net',
      outcome: 'granted',
      cacheHit: true,
      durationMs: 0.25,
      requestId: 'r-1',
      time: '2026-01-01T00:00:00.000Z',
    },
  ])
})

test('a refusal leaves its code and its text, client ids shortened', async () => {
  const { clock, lines, audit } = setting()
  audit.record(
    entry({
      outcome: 'identity-not-bound',
      cached: false,
      identity: undefined,
      message: `asks for ${clientIdOf('x')}`,
    }),
  )
  await clock.advance(200)
  assert.equal(lines[0]?.['outcome'], 'identity-not-bound')
  assert.match(String(lines[0]?.['text']), /^asks for c0c0\.\.\.\w{4}$/)
})

test('every decision has its line up to 50 equal ones a second, then the rest is counted', async () => {
  const { clock, lines, audit } = setting()
  for (let i = 0; i < 5_000; i += 1) audit.record(entry())
  audit.record(entry({ resource: 'https://other' }))
  await clock.advance(1_200)
  assert.equal(lines.length, 52)
  assert.equal(lines.filter((line) => line['resource'] === 'https://other').length, 1)
  assert.deepEqual(
    lines.map((line) => line['folded']).filter((folded) => folded !== undefined),
    [4_950],
  )
  audit.record(entry())
  await clock.advance(200)
  assert.equal(lines.length, 53)
})

test('refused resources of a hostile pod make no new kinds: they fold too', async () => {
  const { clock, lines, audit } = setting()
  for (let i = 0; i < 1_000; i += 1)
    audit.record(entry({ outcome: 'token-denied', resource: `https://${i}` }))
  await clock.advance(1_200)
  assert.equal(lines.length, 51)
})

test('a log that cannot be written costs bounded memory, and what was lost is told afterwards', async () => {
  const waiting: (() => void)[] = []
  const texts: string[] = []
  const { clock, audit, drops } = setting((text, done) => {
    texts.push(text)
    waiting.push(done)
  })
  for (let i = 0; i < 20_000; i += 1) audit.record(entry({ resource: `https://${i}` }))
  assert.equal(texts.length, 1)
  assert.ok(drops.length > 0)
  const written = (): number => texts.reduce((sum, text) => sum + text.length, 0)
  while (waiting.length > 0) {
    waiting.shift()?.()
    await clock.advance(200)
  }
  assert.ok(written() < 2_500_000, String(written()))
  assert.match(texts.join(''), new RegExp(`"audit lines dropped","dropped":${drops.length}`))
})

test('closing writes what is buffered and stops the timer', () => {
  const { clock, lines, audit } = setting()
  audit.record(entry())
  audit.close()
  assert.equal(lines.length, 1)
  assert.equal(clock.timers, 0)
})

test('an idle audit has no timer', async () => {
  const { clock, audit } = setting()
  audit.record(entry())
  await clock.advance(2_000)
  assert.equal(clock.timers, 0)
})

test('a text without GUIDs stays as it is', () => {
  assert.equal(shortenIds('pod default/shop has label a=b'), 'pod default/shop has label a=b')
})
