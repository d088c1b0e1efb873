import { CLIENT_ID, identity } from '../case-objects.ts'
import { MERGE } from '../case-world.ts'
import type { Script } from './transcript.ts'

const GROUP = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}'
const IDENTITIES = `${GROUP}/azureidentities`
const RESOURCE_ID =
  '/subscriptions/1/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i'

const podidObject = (kind: string, spec: unknown, metadata: object = { name: 'o' }): object => ({
  apiVersion: 'aadpodidentity.k8s.io/v1',
  kind,
  metadata,
  spec,
})

const SPECS: readonly object[] = [
  {},
  { type: 0, resourceID: RESOURCE_ID, clientID: CLIENT_ID },
  { type: 0, resourceID: ` /${RESOURCE_ID.toUpperCase()}/\t` },
  { type: 0, resourceID: '' },
  { type: 0, resourceID: ' ' },
  { type: 0, resourceID: RESOURCE_ID.slice(1) },
  { type: 0, resourceID: `${RESOURCE_ID}/more` },
  { type: 0, resourceID: '/subscriptions/1/resourceGroups/g' },
  { type: 0, resourceID: `/subscriptions/1/resourceGroups/a\u00A0b/providers/x` },
  { type: 0, resourceID: RESOURCE_ID.replace('/g/', '/a\u00A0b/') },
  { type: 0, resourceID: RESOURCE_ID.replace('/g/', '/a b/') },
  { type: 0, resourceID: `\u00A0${RESOURCE_ID}` },
  { type: 1, resourceID: 'anything' },
  { resourceID: 'anything' },
  { type: 0, resourceID: 'x'.repeat(1025) },
  { type: 3 },
  { type: -1 },
  { type: 3, resourceID: 'x', clientID: 'y', tenantID: '/', adEndpoint: 'http://x' },
  { type: 'zero', clientID: 'y' },
  { type: 0, clientID: '' },
  { type: 0, clientID: ' \t\r\n' },
  { type: 0, clientID: `\n${CLIENT_ID.toUpperCase()} ` },
  { type: 0, clientID: `${CLIENT_ID}0` },
  { type: 0, clientID: `${CLIENT_ID}\u2028` },
  { type: 0, clientID: `{${CLIENT_ID}}` },
  { type: 1, tenantID: 'contoso.example' },
  { type: 1, tenantID: '-contoso' },
  { type: 1, tenantID: 'a/b' },
  { type: 1, tenantID: 'a"b\\c\u0007' },
  { type: 1, adEndpoint: ' HTTPS://login.example/ ' },
  { type: 1, adEndpoint: 'https:' },
  { type: 1, adEndpoint: 'https:\nx' },
  { type: 1, adEndpoint: 'https:\rx' },
  { type: 1, clientID: null, tenantID: null, adEndpoint: null, resourceID: null },
]

const SELECTORS: readonly unknown[] = [
  '',
  'shop',
  'a'.repeat(63),
  'a'.repeat(64),
  'a b',
  '-a',
  'a.',
  'é',
  'shop\n',
  5,
  null,
]

export const RULE_SCRIPTS: readonly Script[] = [
  {
    name: 'rules-of-identities',
    async run(ask) {
      const dry = `${IDENTITIES}?dryRun=All`
      for (const spec of SPECS) await ask('POST', dry, { body: identity('r', { spec }) })
      // What else is wrong: nothing that hides the rules, and something that does.
      await ask('POST', dry, { body: identity('Upper', { spec: { type: 3 } }) })
      await ask('POST', dry, { body: { ...identity(''), metadata: {}, spec: { type: 3 } } })
      await ask('POST', dry, { body: identity('r', { spec: { type: 3 }, status: 5 }) })

      await ask('POST', IDENTITIES, { body: identity('i', { spec: { type: 1, resourceID: 'anything' } }) })
      const patches: readonly object[] = [
        { spec: { type: 0 } },
        { spec: { clientID: 'x' } },
        { spec: { type: 3 } },
        { metadata: { labels: { a: 'b' } } },
        { spec: { type: 2, clientID: CLIENT_ID } },
        { spec: { type: 0, resourceID: null } },
        { spec: null },
      ]
      for (const body of patches) await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body })
    },
  },
  {
    name: 'rules-of-bindings',
    async run(ask) {
      const bindings = `${GROUP}/azureidentitybindings?dryRun=All`
      for (const selector of SELECTORS)
        await ask('POST', bindings, { body: podidObject('AzureIdentityBinding', { selector }) })
    },
  },
  {
    name: 'kinds-without-rules',
    async run(ask) {
      const assigned = `${GROUP}/azureassignedidentities?dryRun=All`
      await ask('POST', assigned, { body: podidObject('AzureAssignedIdentity', { pod: 5 }) })
      await ask('POST', assigned, { body: podidObject('AzureAssignedIdentity', { pod: 5 }, {}) })
      const exceptions = `${GROUP}/azurepodidentityexceptions?dryRun=All`
      await ask('POST', exceptions, { body: podidObject('AzurePodIdentityException', { podLabels: 5 }) })
    },
  },
]
