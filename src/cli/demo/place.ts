import type { RunningProcess } from '../../../emulator/node/process.ts'

export type { RunningProcess } from '../../../emulator/node/process.ts'

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly deadlineMs?: number
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

/** One pod of the demo, as the network sees it. */
export interface DemoPod {
  readonly name: string
  /** What the kubelet reports as `status.podIP`. */
  readonly ip: string
  /** Environment that points an unmodified SDK to the demo's Azure. */
  readonly env: Readonly<Record<string, string>>
  /** Words before a command that a person types to run it inside the pod; empty over loopback. */
  readonly prefix: string
  run(argv: readonly string[], options?: RunOptions): RunningProcess
  stop(): Promise<void>
}

/** Where the demo happens: in network namespaces with real packet rules, or over loopback. */
export interface Place {
  readonly kind: 'namespaces' | 'loopback'
  /** Where the emulators listen, so that components, pods and this machine reach them. */
  readonly hostAddress: string
  /** HTTPS port of the emulated Azure; 0: any. */
  readonly azurePort: number
  /** Tells the place where the emulators listen, once they do. */
  connectAzure(azure: AzureDoors): Promise<void>
  /** Flags of `podid nmi` and environment of both components that fit the place. */
  readonly nmiFlags: readonly string[]
  readonly componentEnv: Readonly<Record<string, string>>
  /** Address at which the components' probes and metrics are reached from this machine. */
  readonly componentAddress: string
  /** Environment of the Key Vault provider, so that the vault's own name leads it to the emulated Azure. */
  vaultEnv(): Promise<Readonly<Record<string, string>>>
  runComponent(argv: readonly string[], options: RunOptions): RunningProcess
  startPod(name: string): Promise<DemoPod>
  close(): Promise<void>
}

export interface AzureDoors {
  readonly httpsPort: number
  readonly imdsPort: number
  /** File with the PEM of the emulator's CA. */
  readonly caFile: string
  /** Folder for files of the place. */
  readonly folder: string
}

/** Names that the SDKs use, and that the emulated Azure answers to. */
export const AZURE_NAMES = [
  'login.microsoftonline.com',
  'management.azure.com',
  'shop.vault.azure.net',
] as const
