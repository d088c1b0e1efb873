/**
 * The CVE-2022-23551 family: a pod spells the token path so that the agent takes it for something
 * harmless and IMDS for the token path. The judge here is a reader of paths that is as lenient as any
 * server could be, and is written apart from the product's.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { imdsRequest } from './imds-request.ts'
import { parseTarget } from './request-target.ts'

const SECRETS = [
  'metadata/identity/oauth2/token',
  'metadata/identity/getplatformmetadata',
  'metadata/identity/issuecredential',
  'metadata/identity/credential',
]

/** Every path that some lenient server could see in this target. */
function lenientReadings(target: string): Set<string> {
  const readings = new Set<string>()
  let text = target.replace(/^[a-z]+:\/\/[^/?\\]*/i, '')
  for (let round = 0; round < 6; round += 1) {
    // Before and after the first question mark; some servers decode first and split then.
    for (const part of [text, text.split(/[?#]/)[0] ?? '']) {
      readings.add(normalised(part))
      readings.add(normalised(part.replaceAll(/;[^/\\]*/g, '')))
      readings.add(normalised(part.replaceAll(/[\p{Cc} ]/gu, '')))
      readings.add(normalised(part.split('\0')[0] ?? ''))
    }
    text = decodedOnce(text)
  }
  return readings
}

function decodedOnce(text: string): string {
  return (
    text
      .replaceAll(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      // Overlong and full-width forms of the slash, the dot and the backslash.
      .replaceAll(/\u00c0\u00af|\uff0f|\u00ef\u00bc\u008f|\u2215/g, '/')
      .replaceAll(/\u00c0\u00ae|\uff0e/g, '.')
      .replaceAll('\uff3c', '\\')
  )
}

function normalised(path: string): string {
  const kept: string[] = []
  for (const segment of path.replaceAll('\\', '/').toLowerCase().split('/')) {
    const bare = segment.trim()
    if (bare === '' || bare === '.') continue
    if (bare === '..') kept.pop()
    else kept.push(bare)
  }
  return kept.join('/')
}

function readsAsSecret(target: string): boolean {
  for (const reading of lenientReadings(target)) {
    if (SECRETS.some((secret) => reading === secret || reading.startsWith(`${secret}/`))) return true
  }
  return false
}

const SEPARATORS = [
  '/',
  '//',
  '\\',
  '%2f',
  '%5c',
  '%252f',
  '/./',
  '/x/../',
  '/%2e/',
  ';a=b/',
  '/%2e%2e/metadata/',
  '%00/',
]
const PREFIXES = [
  '/',
  '//',
  '/\\',
  'http://169.254.169.254/',
  'http://example.com/',
  '/metadata/instance/../../',
  '/metadata/instance/%2e%2e/%2e%2e/',
  '/metadata/instance\\..\\..\\',
  '/metadata/versions;/../../',
  '/host/token/../../',
]
const SUFFIXES = [
  '',
  '/',
  '?',
  '?resource=r',
  '%3fresource=r',
  '/?a=/../b',
  '\\',
  ';x',
  '%00',
  '%20',
  '.',
  '/.',
  '#',
  '/x/..',
]

/** A letter in one of the ways to write it. */
function spellings(word: string): fc.Arbitrary<string> {
  const letters = Array.from(word, (letter) => {
    const hex = letter.codePointAt(0)?.toString(16).padStart(2, '0') ?? ''
    return fc.oneof(
      { weight: 80, arbitrary: fc.constant(letter) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          letter.toUpperCase(),
          `%${hex}`,
          `%25${hex}`,
          `%u00${hex}`,
          `${letter}%00`,
        ),
      },
    )
  })
  return fc.tuple(...letters).map((parts) => parts.join(''))
}

/** Climbs out of a path that the agent does pass on, in the ways that some server resolves. */
const climb = fc
  .array(
    fc.tuple(
      fc.constantFrom('..', '..', '..', '%2e%2e', '.%2e', '%252e%252e', '..;x'),
      fc.constantFrom('/', '\\', '\\', '%2f', '%5c', '%252f'),
    ),
    { minLength: 2, maxLength: 3 },
  )
  .map((steps) => `/metadata/instance/${steps.flat().join('')}`)

const secretSpelling = fc
  .tuple(
    fc.oneof(fc.constantFrom(...PREFIXES), climb),
    fc.constantFrom(...SECRETS).chain((secret) => {
      const words = secret.split('/')
      return fc.tuple(
        fc.tuple(...words.map(spellings)),
        fc.array(
          fc.oneof(
            { weight: 3, arbitrary: fc.constant('/') },
            { weight: 1, arbitrary: fc.constantFrom(...SEPARATORS) },
          ),
          { minLength: words.length, maxLength: words.length },
        ),
      )
    }),
    fc.constantFrom(...SUFFIXES),
  )
  .map(([prefix, [words, separators], suffix]) => {
    const path = words.map((word, i) => (i === 0 ? word : `${separators[i] ?? '/'}${word}`)).join('')
    return prefix + path + suffix
  })

const anyTarget = fc.oneof(
  secretSpelling,
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => `/metadata/${text}`),
  fc
    .array(
      fc.constantFrom(
        '/',
        '\\',
        '%',
        '2',
        'f',
        '5',
        'c',
        'e',
        '.',
        ';',
        '?',
        'metadata',
        'identity',
        'instance',
        'oauth2',
        'token',
        'info',
      ),
      {
        maxLength: 16,
      },
    )
    .map((parts) => parts.join('')),
)

const RUNS = { numRuns: 4_000 }

test('the lenient reader sees through the known tricks, so it can judge', () => {
  for (const trick of [
    '/metadata/identity\\oauth2\\token/',
    '/metadata/instance/../identity/oauth2/token',
    '/metadata/instance/%252e%252e/identity/oauth2/token',
    '/METADATA/identity;x/oauth2/token?resource=r',
    '/metadata/identity/oauth2/token%00.txt',
    'http://anywhere/metadata/identity/issuecredential',
  ]) {
    assert.ok(readsAsSecret(trick), trick)
  }
  assert.ok(!readsAsSecret('/metadata/instance/compute?x=identity/oauth2/token'))
})

test('what a lenient IMDS would read as a token or credential path is answered as a token request or refused', () => {
  fc.assert(
    fc.property(secretSpelling, (raw) => {
      const { target } = parseTarget(raw)
      assert.ok(target === undefined || target.kind !== 'metadata', `${raw} would go on to IMDS`)
    }),
    RUNS,
  )
})

test('nothing that goes on to IMDS reads as a token or credential path, whatever was asked', () => {
  fc.assert(
    fc.property(anyTarget, (raw) => {
      const { target } = parseTarget(raw)
      if (target?.kind !== 'metadata') return
      const built = imdsRequest(target)
      assert.match(
        built,
        /^\/metadata\/[A-Za-z0-9/_-]+(?:\?[a-z-]+=[A-Za-z0-9-]+(?:&[a-z-]+=[A-Za-z0-9-]+)*)?$/,
      )
      assert.ok(!readsAsSecret(built), `${raw} became ${built}`)
    }),
    RUNS,
  )
})

test('a metadata request may carry any unknown parameters: none of them goes on to IMDS', () => {
  const hostile = fc.array(
    fc.tuple(fc.webQueryParameters(), fc.constantFrom('', '/metadata/identity/oauth2/token', '%2f..')),
  )
  fc.assert(
    fc.property(hostile, (parameters) => {
      const query = parameters.map(([name, value]) => `x${encodeURIComponent(name)}=${value}`).join('&')
      const { target } = parseTarget(`/metadata/instance/compute?api-version=2021-02-01&${query}`)
      if (target?.kind === 'metadata') {
        assert.equal(imdsRequest(target), '/metadata/instance/compute?api-version=2021-02-01')
      }
    }),
    { numRuns: 500 },
  )
})

test('the parser never throws and a credential path is never a token request', () => {
  fc.assert(
    fc.property(anyTarget, (raw) => {
      const reading = parseTarget(raw)
      assert.notEqual(reading.target === undefined, reading.refusal === undefined)
      if (reading.target?.kind === 'token') {
        assert.doesNotMatch(raw, /credential|platform/i)
      }
    }),
    RUNS,
  )
})

test('every plain spelling of the token path is a token request', () => {
  const plain = fc
    .tuple(
      fc.tuple(...['metadata', 'identity', 'oauth2', 'token'].map((word) => fc.mixedCase(fc.constant(word)))),
      fc.array(fc.constantFrom('/', '//', '///'), { minLength: 5, maxLength: 5 }),
      fc.boolean(),
    )
    .map(([words, slashes, trailing]) => {
      const path = words.map((word, i) => `${slashes[i] ?? '/'}${word}`).join('')
      return `${path}${trailing ? (slashes[4] ?? '/') : ''}?resource=r`
    })
  fc.assert(
    fc.property(plain, (raw) => {
      assert.equal(parseTarget(raw).target?.kind, 'token', raw)
    }),
  )
})
