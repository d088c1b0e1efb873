import type { ResourceDefinition } from './resources/resource-definition.ts'

export type CrdName = string

/** Every resource that is served now: the built-in ones and those of the established CRDs. */
export class Registry {
  readonly #builtin: readonly ResourceDefinition[]
  readonly #custom = new Map<CrdName, readonly ResourceDefinition[]>()
  #all: readonly ResourceDefinition[] = []
  readonly #byPath = new Map<string, ResourceDefinition>()
  readonly #byKind = new Map<string, ResourceDefinition>()

  constructor(builtin: readonly ResourceDefinition[]) {
    this.#builtin = builtin
    this.#refresh()
  }

  all(): readonly ResourceDefinition[] {
    return this.#all
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`)
  }

  /** @param apiVersion `v1` or `group/version`. */
  findKind(apiVersion: string, kind: string): ResourceDefinition | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`)
  }

  /** One definition for each stored resource, whatever versions it is served in. */
  stored(): readonly ResourceDefinition[] {
    const seen = new Map<string, ResourceDefinition>()
    for (const each of this.#all) {
      const name = `${each.plural}.${each.group}`
      if (!seen.has(name)) seen.set(name, each)
    }
    return [...seen.values()]
  }

  /** Groups with their versions, the core group first, in the order in which they came. */
  groups(): ReadonlyMap<string, readonly string[]> {
    const groups = new Map<string, string[]>()
    for (const each of this.#all) {
      const versions = groups.get(each.group) ?? []
      if (!versions.includes(each.version)) versions.push(each.version)
      groups.set(each.group, versions)
    }
    return groups
  }

  resources(group: string, version: string): readonly ResourceDefinition[] {
    return this.#all.filter((each) => each.group === group && each.version === version)
  }

  serve(crd: CrdName, resources: readonly ResourceDefinition[]): void {
    this.#custom.set(crd, resources)
    this.#refresh()
  }

  withdraw(crd: CrdName): void {
    this.#custom.delete(crd)
    this.#refresh()
  }

  #refresh(): void {
    this.#all = [...this.#builtin, ...[...this.#custom.values()].flat()]
    this.#byPath.clear()
    this.#byKind.clear()
    for (const each of this.#all) {
      this.#byPath.set(`${each.group}/${each.version}/${each.plural}`, each)
      const apiVersion = each.group === '' ? each.version : `${each.group}/${each.version}`
      this.#byKind.set(`${apiVersion}/${each.kind}`, each)
    }
  }
}
