/** The rules (`x-kubernetes-validations`) of a definition. */
import assert from 'node:assert/strict'
import type { CaseWorld, KubeCase } from './case-world.ts'
import { established, MERGE } from './case-world.ts'

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

const rule = (text: string, rest: object = {}): object => ({
  'x-kubernetes-validations': [{ rule: text, ...rest }],
})

interface Things {
  /** Path of the collection. */
  readonly path: string
  thing(spec: unknown): object
  /** Gives the definition another schema of `spec`. */
  redefine(spec: object): Promise<void>
}

/** Runs with a kind of the case's own. */
async function withThings(
  world: CaseWorld,
  spec: object,
  run: (things: Things) => Promise<void>,
): Promise<void> {
  const { http } = world
  const group = `${world.unique('ruled')}.example`
  const name = `things.${group}`
  const versions = (schema: object): object[] => [
    {
      name: 'v1',
      served: true,
      storage: true,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema } } },
    },
  ]
  const created = await http.ask('POST', CRDS, {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group,
        scope: 'Cluster',
        names: { plural: 'things', kind: 'Thing' },
        versions: versions(spec),
      },
    },
  })
  assert.equal(created.code, 201, created.text)
  await established(http, name)
  const things: Things = {
    path: `/apis/${group}/v1/things`,
    thing: (value) => ({ apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name: 't' }, spec: value }),
    async redefine(schema) {
      await world.merge(`${CRDS}/${name}`, { spec: { versions: versions(schema) } })
    },
  }
  try {
    await run(things)
  } finally {
    await http.ask('DELETE', `${CRDS}/${name}`)
  }
}

const text = { type: 'string' }
const number = { type: 'integer' }

/** Property, its schema, a value that passes, one that does not, and what is said of it. */
const RULED: readonly (readonly [string, object, unknown, unknown, string])[] = [
  ['a', { ...text, ...rule("self != 'x'") }, 'y', 'x', `Invalid value: "x": failed rule: self != 'x'`],
  [
    'b',
    { ...number, ...rule('self in [1, 2]', { message: ' one or two ' }) },
    2,
    3,
    'Invalid value: 3: one or two',
  ],
  [
    'c',
    {
      ...text,
      ...rule('self.size() < 3 && size(self) > 1', { reason: 'FieldValueForbidden', message: 'm' }),
    },
    '😀é',
    '😀éa',
    'Forbidden: m',
  ],
  [
    'd',
    {
      type: 'object',
      properties: { n: number, s: text },
      ...rule('has(self.n) ? self.n >= 5 : has(self.s)', { message: 'm' }),
    },
    { s: '' },
    {},
    'Invalid value: m',
  ],
  [
    'e',
    { type: 'object', properties: { n: number }, ...rule('self.n >= 5', { message: 'm' }) },
    { n: 5 },
    {},
    'Invalid value: "object": no such key: n evaluating rule: m',
  ],
  [
    'f',
    { type: 'object', properties: { n: number }, ...rule('self.n < 5 || !has(self.n)') },
    {},
    { n: 5 },
    'Invalid value: failed rule: self.n < 5 || !has(self.n)',
  ],
  [
    'g',
    {
      type: 'array',
      maxItems: 3,
      items: { ...text, maxLength: 9 },
      ...rule(`!('x' in self) && self[0] != ''`),
    },
    ['a'],
    ['a', 'x'],
    `Invalid value: failed rule: !('x' in self) && self[0] != ''`,
  ],
  [
    'h',
    { type: 'array', maxItems: 3, items: text, ...rule(`self[1] != ''`, { message: 'm' }) },
    ['a', 'b'],
    ['a'],
    'Invalid value: "array": index out of bounds: 1 evaluating rule: m',
  ],
  [
    'i',
    { ...text, maxLength: 99, ...rule(`self.matches('(?i)^a\\\\S[^\\\\s.]$') || self.startsWith(r'\\')`) },
    'A\u00A0\u2003',
    'ab\t',
    `Invalid value: "ab\\t": failed rule: self.matches('(?i)^a\\\\S[^\\\\s.]$') || self.startsWith(r'\\')`,
  ],
  [
    'j',
    { ...text, maxLength: 99, ...rule('self.contains("\\u00e9") == (self.endsWith("!") && self > "a")') },
    'bé!',
    'bé',
    'Invalid value: "bé": failed rule: self.contains("\\u00e9") == (self.endsWith("!") && self > "a")',
  ],
  [
    'k',
    { type: 'number', ...rule('-1.5 <= self && self != 2.0', { reason: 'FieldValueDuplicate' }) },
    -1.5,
    2,
    'Duplicate value: 2',
  ],
  [
    'l',
    { type: 'boolean', ...rule('!self', { reason: 'FieldValueRequired', message: 'm' }) },
    false,
    true,
    'Required value: m',
  ],
  [
    'm',
    { type: 'object', additionalProperties: { ...number, ...rule('self > 0') }, maxProperties: 3 },
    { x: 1 },
    { x: 0 },
    'Invalid value: 0: failed rule: self > 0',
  ],
  [
    'n',
    { type: 'array', maxItems: 3, items: { ...number, ...rule('self > 0') } },
    [1],
    [1, 0],
    'Invalid value: 0: failed rule: self > 0',
  ],
]

export const RULE_CASES: readonly KubeCase[] = [
  {
    name: 'the rules of a definition are asked, and what breaks one is refused by its field',
    async run(world) {
      const properties = Object.fromEntries(RULED.map(([name, schema]) => [name, schema]))
      await withThings(world, { type: 'object', properties }, async (things) => {
        const post = (spec: object) =>
          world.http.ask('POST', `${things.path}?dryRun=All`, { body: things.thing(spec) })
        const passing = await post(Object.fromEntries(RULED.map(([name, , good]) => [name, good])))
        assert.equal(passing.code, 201, passing.text)
        for (const [name, , , bad, said] of RULED) {
          const { message } = (await post({ [name]: bad })).json()
          const at = { m: 'm[x]', n: 'n[1]' }[name] ?? name
          assert.equal(message?.replace(/^.*" is invalid: /, ''), `spec.${at}: ${said}`)
        }
      })
    },
  },
  {
    name: 'a rule may be about what was there before',
    async run(world) {
      const fixed = { ...text, maxLength: 9, ...rule('self == oldSelf', { message: 'stays' }) }
      await withThings(world, { type: 'object', properties: { fixed, free: text } }, async (things) => {
        await world.http.ask('POST', things.path, { body: things.thing({ fixed: 'a', free: 'a' }) })
        await world.merge(`${things.path}/t`, { spec: { free: 'b' } })
        const changed = await world.http.ask('PATCH', `${things.path}/t`, {
          contentType: MERGE,
          body: { spec: { fixed: 'b' } },
        })
        assert.match(changed.json().message ?? '', / is invalid: spec\.fixed: Invalid value: "b": stays$/)
        await world.merge(`${things.path}/t`, { spec: { fixed: null } })
        await world.merge(`${things.path}/t`, { spec: { fixed: 'b' } })
      })
    },
  },
  {
    name: 'what a new schema or rule forbids stays where it is unchanged, with a warning for the rule',
    async run(world) {
      const { http } = world
      const open = { type: 'object', properties: { a: text, b: text, c: number } }
      await withThings(world, open, async (things) => {
        await http.ask('POST', things.path, { body: things.thing({ a: 'bad', b: 'b', c: 9 }) })
        await things.redefine({
          type: 'object',
          required: ['d'],
          properties: {
            a: { ...text, ...rule("self != 'bad'", { message: 'not good' }) },
            b: text,
            c: { ...number, maximum: 5 },
            d: text,
          },
        })
        const dry = `${things.path}?dryRun=All`
        const fresh = { ...things.thing({ d: '', a: 'bad' }), metadata: { name: 'u' } }
        // A real server goes over to the new schema in its own time.
        for (let code = 201; code === 201; ) ({ code } = await http.ask('POST', dry, { body: fresh }))

        const patch = (body: object) => http.ask('PATCH', `${things.path}/t`, { contentType: MERGE, body })
        const labelled = await patch({ metadata: { labels: { a: 'b' } } })
        assert.equal(labelled.code, 200, labelled.text)
        assert.equal(labelled.headers['warning'], '299 - "spec.a: Invalid value: \\"bad\\": not good"')
        const incomplete = await patch({ spec: { b: 'c' } })
        assert.match(incomplete.json().message ?? '', /spec\.d: Required value/)
        const beside = await patch({ spec: { b: 'c', d: '' } })
        assert.equal(beside.code, 200, beside.text)
        const worse = await patch({ spec: { a: 'bad', c: 8 } })
        assert.match(
          worse.json().message ?? '',
          /^\S+ "t" is invalid: spec\.c: [^,]*less than or equal to 5$/,
        )
        assert.equal((await patch({ spec: { a: 'good', c: 5 } })).code, 200)
        const again = await patch({ spec: { a: 'bad' } })
        assert.match(again.json().message ?? '', / is invalid: spec\.a: Invalid value: "bad": not good$/)
      })
    },
  },
]
