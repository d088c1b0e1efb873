import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { azureAssignedIdentities } from './azure-assigned-identities.ts'
import { azureIdentities } from './azure-identities.ts'
import { azureIdentityBindings } from './azure-identity-bindings.ts'
import { azurePodIdentityExceptions } from './azure-pod-identity-exceptions.ts'
import { agentPods, controllerPods } from './pods.ts'

const FIELDS = `type resourceID clientID clientPassword tenantID auxiliaryTenantIDs adEndpoint azureIdentity
  selector azureIdentityRef azureBindingRef pod podNamespace nodename podLabels metadata spec status name
  namespace ResourceID podIPs phase`.split(/\s+/)

/** Objects with the right field names at the wrong places, and anything in them. */
const { nonsense } = fc.letrec<{ nonsense: unknown }>((tie) => ({
  nonsense: fc.oneof(
    { maxDepth: 4 },
    fc.jsonValue({ maxDepth: 1 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie('nonsense'), { maxKeys: 6 }),
  ),
}))

test('a custom resource with nonsense in any field is kept with its problems, and never throws', () => {
  const metadata = { name: 'a', namespace: 'b' }
  fc.assert(
    fc.property(nonsense, nonsense, (spec, status) => {
      for (const kind of [azureIdentities(), azureIdentityBindings(), azureAssignedIdentities()]) {
        const object = kind.project({ metadata, spec, status })
        assert.equal(object?.name, 'a')
        for (const problem of object.problems) assert.match(problem, /^[\w.]+: ./)
      }
      for (const kind of [azurePodIdentityExceptions(), agentPods(), controllerPods()]) {
        assert.equal(kind.project({ metadata, spec, status })?.name, 'a')
      }
    }),
    { numRuns: 500 },
  )
})

test('an assigned identity counts as assigned only when it says so, or says nothing as of old', () => {
  fc.assert(
    fc.property(nonsense, (status) => {
      const object = azureAssignedIdentities().project({ metadata: { name: 'a' }, status })
      if (object?.problems.some((problem) => problem.startsWith('status:')) === true) {
        assert.equal(object.state, 'Created')
      }
    }),
  )
})
