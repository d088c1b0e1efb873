/**
 * The end-to-end scenarios of AAD Pod Identity 1.8, in the order in which the conformance table has them, and what
 * shows the same here.
 */
export const OLD_SCENARIOS: Readonly<Record<number, readonly string[]>> = {
  // Identity works after the MIC leader changes.
  1: ['leader-changes'],
  // Identity format rejected by policy.
  2: ['malformed-objects-refused'],
  // Exception pod bypasses NMI.
  3: ['excepted-pod'],
  // Init container gets a token.
  4: ['init-container'],
  // Right status codes on each metadata endpoint.
  5: ['status-codes-of-each-endpoint', 'blocked-instance-metadata'],
  // A batch with invalid identities still assigns the valid one.
  6: ['invalid-identities-in-a-batch'],
  // Assigning an invalid identity does not unassign existing ones.
  7: ['invalid-identity-comes-later'],
  // Liveness probes.
  8: ['liveness-probes'],
  // Several identities, removed in random order.
  9: ['identities-removed-in-any-order'],
  // Assigned identities for 40 pods within 150 s.
  10: ['forty-pods'],
  // Label changed.
  11: ['label-changed'],
  // Same names in two namespaces.
  12: ['same-names-in-two-namespaces'],
  // Identity in use by another pod.
  13: ['identity-still-in-use'],
  // Identity removed on Azure by hand, then the object deleted.
  14: ['removed-by-hand-then-deleted'],
  // System-assigned identity untouched.
  15: ['identities-of-others-stay'],
  // The user's own identities untouched.
  16: ['identities-of-others-stay'],
  // Immutable identity stays.
  17: ['identities-kept-and-put-back'],
  // Identity removed by hand is put back.
  18: ['identities-kept-and-put-back'],
  // Cluster identity stays.
  19: ['identities-of-others-stay'],
  // Retries on Retry-After succeed.
  20: ['retries-after-retry-after'],
  // Service principal.
  21: ['service-principal'],
  // Single identity.
  22: ['single-identity'],
  // Pod deleted.
  23: ['pod-deleted'],
  // AzureIdentity deleted.
  24: ['identity-object-deleted'],
  // Binding deleted.
  25: ['binding-deleted'],
  // Identity fields changed.
  26: ['identity-fields-changed'],
  // Right identity passes, wrong one fails.
  27: ['right-identity-and-wrong-one'],
}
