import * as v from 'valibot'
import { faultRuleSchema } from '../faults/fault-rule.ts'
import { settingsSchema } from './settings.ts'

/** The JSON document that an emulator starts from. Unknown fields are refused. */

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(2_048))
const list = <Item extends v.GenericSchema>(item: Item) => v.optional(v.array(item), [])
const tags = v.optional(v.record(v.string(), v.string()), {})

const federatedCredential = v.strictObject({
  name: text,
  issuer: text,
  subject: text,
  audiences: v.array(text),
})

const role = v.strictObject({
  /** Name of a built-in role, or `actions`. */
  role: v.optional(text),
  actions: v.optional(v.array(text)),
  /** ARM id of a subscription, group or resource; everything when absent. */
  scope: v.optional(v.string(), ''),
})

const instance = v.union([
  text,
  v.strictObject({ instanceId: text, computerName: v.optional(text), addresses: list(text) }),
])

const scaleSet = v.strictObject({
  id: text,
  location: v.optional(text),
  tags,
  orchestration: v.optional(v.picklist(['Uniform', 'Flexible']), 'Uniform'),
  upgradeMode: v.optional(v.picklist(['Manual', 'Automatic', 'Rolling']), 'Manual'),
  systemAssigned: v.optional(v.boolean(), false),
  /** Roles of the system-assigned identity. */
  roles: list(role),
  /** Ids (or names, when unique) of identities that it already has. */
  identities: list(text),
  instances: list(instance),
})

const vm = v.strictObject({
  id: text,
  location: v.optional(text),
  tags,
  computerName: v.optional(text),
  /** Id of the flexible scale set that it belongs to. */
  scaleSet: v.optional(text),
  systemAssigned: v.optional(v.boolean(), false),
  /** Roles of the system-assigned identity. */
  roles: list(role),
  identities: list(text),
  /** Source addresses by which the shared IMDS listener knows it. */
  addresses: list(text),
})

const identity = v.strictObject({
  id: text,
  location: v.optional(text),
  tags,
  clientId: v.optional(v.pipe(v.string(), v.uuid())),
  principalId: v.optional(v.pipe(v.string(), v.uuid())),
  federatedCredentials: list(federatedCredential),
  roles: list(role),
})

const app = v.strictObject({
  clientId: v.pipe(v.string(), v.uuid()),
  objectId: v.optional(v.pipe(v.string(), v.uuid())),
  name: v.optional(text),
  secret: v.optional(text),
  /** More secrets; `expires` in seconds since the epoch. */
  secrets: list(v.union([text, v.strictObject({ value: text, expires: v.number() })])),
  /** PEM. */
  certificate: v.optional(v.pipe(v.string(), v.minLength(1))),
  certificates: list(v.pipe(v.string(), v.minLength(1))),
  federatedCredentials: list(federatedCredential),
  /** Absent: Owner of everything, so that a first trial needs no roles. */
  roles: v.optional(v.array(role)),
})

const secret = v.union([
  v.string(),
  v.strictObject({
    value: v.string(),
    contentType: v.optional(v.string()),
    enabled: v.optional(v.boolean(), true),
    notBefore: v.optional(v.number()),
    expires: v.optional(v.number()),
    tags,
  }),
])

const access = v.strictObject({
  /** Client id, object id, identity id or identity name, `*` for all. */
  principal: text,
  secrets: list(text),
  keys: list(text),
  certificates: list(text),
})

const vault = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{1,22}[a-z0-9]$/i)),
  location: v.optional(text),
  rbac: v.optional(v.boolean(), false),
  /** `firewall` and `private` refuse everybody, as Azure does who is not allowed in. */
  network: v.optional(v.picklist(['open', 'firewall', 'private']), 'open'),
  secrets: v.optional(v.record(v.string(), secret), {}),
  access: list(access),
})

export const seedSchema = v.strictObject({
  tenant: v.optional(
    v.union([
      v.pipe(v.string(), v.uuid()),
      v.strictObject({
        id: v.pipe(v.string(), v.uuid()),
        displayName: v.optional(text, 'Emulated'),
        domains: list(text),
      }),
    ]),
    '00000000-0000-4000-8000-00000000aad0',
  ),
  region: v.optional(text, 'westeurope'),
  subscriptions: list(v.union([text, v.strictObject({ id: text, name: text })])),
  scaleSets: list(scaleSet),
  vms: list(vm),
  identities: list(identity),
  apps: list(app),
  vaults: list(vault),
  settings: v.optional(settingsSchema),
  faults: list(faultRuleSchema),
})

export type SeedDocument = v.InferInput<typeof seedSchema>
export type Seed = v.InferOutput<typeof seedSchema>
export type SeedApp = Seed['apps'][number]
export type SeedIdentity = Seed['identities'][number]
export type SeedVault = Seed['vaults'][number]
export type SeedRole = SeedIdentity['roles'][number]
export type SeedFederatedCredential = SeedIdentity['federatedCredentials'][number]
export type SeedVm = Seed['vms'][number]
export type SeedScaleSet = Seed['scaleSets'][number]
