import type { BindingLookup } from '../model/match.ts'
import { objectKey } from '../model/names.ts'
import type { AzureIdentity, AzureIdentityBinding } from '../model/resources.ts'
import type { Store } from './store.ts'

/** The bindings of watched stores by their selector: each lookup costs what it returns. */
export function bindingLookup(
  bindings: Store<AzureIdentityBinding>,
  identities: Store<AzureIdentity>,
): BindingLookup {
  const bySelector = bindings.index((each) => [each.selector])
  const told = new Map<string, string>()
  bindings.subscribe(() => told.clear())
  identities.subscribe(() => told.clear())
  return {
    bindingsBySelector: (selector) => bySelector.get(selector),
    selectors: () => bySelector.keys(),
    identity: (namespace, name) => identities.get(objectKey(namespace, name)),
    told,
  }
}
