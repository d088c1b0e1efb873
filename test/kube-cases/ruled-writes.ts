import fc from 'fast-check'
import { CLIENT_ID } from './case-objects.ts'
import { MERGE } from './case-world.ts'
import type { Asking } from './transcripts/transcript.ts'

const NOISE = fc.constantFrom(
  '',
  ' ',
  '\t',
  '\n',
  '\v',
  '\u00A0',
  '\u2028',
  '\u0000',
  '-',
  '/',
  '.',
  'A',
  'é',
  'ſ',
  '\u212A',
  '😀',
)

/** Near what the rules of podid's definitions let pass, and some of what their schemas do not. */
const near = (...samples: readonly string[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...samples) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...samples), NOISE, fc.nat(90), fc.nat(3))
        .map(([sample, noise, at, gone]) => sample.slice(0, at) + noise + sample.slice(at + gone)),
    },
    { weight: 1, arbitrary: fc.constantFrom(null, 5, true, [], {}) },
  )
const identitySpec = fc.record(
  {
    type: fc.constantFrom(0, 0, 1, 2, 3, -1, '0'),
    resourceID: near(
      '',
      '/subscriptions/1/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i',
      'subscriptions//1/RESOURCEGROUPS/g/providers/microsoft.managedidentity/userassignedidentities/i/',
    ),
    clientID: near('', CLIENT_ID, CLIENT_ID.toUpperCase()),
    tenantID: near('', 'contoso.example', CLIENT_ID),
    adEndpoint: near('', 'https://login.example/', 'HTTPS:x'),
  },
  { requiredKeys: [] },
)
const bindingSpec = fc.record({ selector: near('', 'a', 'shop-0', 'x'.repeat(63)) })
const PODID = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}'

/** A write of an AzureIdentity or a binding whose fields are all but right. */
export const ruledWrite: fc.Arbitrary<(asking: Asking) => Promise<unknown>> = fc
  .tuple(
    fc.oneof(
      fc.tuple(fc.constant('AzureIdentity'), fc.constant('azureidentities'), identitySpec),
      fc.tuple(fc.constant('AzureIdentityBinding'), fc.constant('azureidentitybindings'), bindingSpec),
    ),
    fc.boolean(),
  )
  .map(([[kind, plural, spec], isNew]) => (asking: Asking) => {
    const path = `${PODID}/${plural}`
    const body = { apiVersion: 'aadpodidentity.k8s.io/v1', kind, metadata: { name: 'a' }, spec }
    return isNew
      ? asking('POST', path, { body })
      : asking('PATCH', `${path}/a`, { contentType: MERGE, body: { spec } })
  })
