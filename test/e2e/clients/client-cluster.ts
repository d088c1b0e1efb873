/** What the suite of real clients needs of a cluster: the real one and the node of namespaces both give it. */
import type { SettingsInput } from '../../../emulator/azure/state/settings.ts'
import type { ClientName } from './client-programs.ts'

export interface ClientIdentity {
  readonly name: string
  readonly clientId: string
  readonly objectId: string
  readonly resourceId: string
}

export interface ClientPod {
  /** A DNS label, unique in the run. */
  readonly name: string
  readonly client: ClientName
  /** Value of the label `aadpodidbinding`. */
  readonly selector: string
  /** What stands behind the program's name (client-programs.ts). */
  readonly args: readonly string[]
  /** Longest life, milliseconds. */
  readonly deadlineMs: number
}

export interface PodEnd {
  /** Undefined when it was killed. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A secret that every identity of `bind` may read, and no other. */
export interface ClientVault {
  readonly url: string
  readonly secret: string
  readonly value: string
}

export interface ClientCluster {
  /** Where the pods run, for the table: one short phrase. */
  readonly place: string
  readonly vault: ClientVault
  /** Changes how the emulated Azure behaves, from now on. */
  settings(change: SettingsInput): Promise<void>
  /**
   * Makes managed identities that MIC may assign and that may read the vault, with an AzureIdentity and
   * an AzureIdentityBinding each; all bindings have the one selector.
   */
  bind(selector: string, names: readonly string[]): Promise<ClientIdentity[]>
  /** Makes a managed identity that nobody binds. */
  unbound(name: string): Promise<ClientIdentity>
  /** Runs a pod with the client's image, name servers or hosts for Azure and its CA, to the end. */
  run(pod: ClientPod): Promise<PodEnd>
  /** The claims of an access token whose signature is the emulated Entra's. @throws Error for any other. */
  claims(token: string): Promise<TokenClaims>
}

export interface TokenClaims {
  /** Client id of the identity. */
  readonly appid: string
  readonly aud: string
  /** Seconds since the epoch. */
  readonly exp: number
}
