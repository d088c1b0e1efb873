/** Pods of the test application with volumes of the driver, and the text that says what stands in them. */
import { type AppPodOptions, appContainer } from '../app-pod.ts'
import { DRIVER_NAME } from './csi-driver.ts'

/** One item of `objects`; what is not named is left out. */
export interface ObjectItem {
  readonly objectName: string
  readonly objectType: 'secret' | 'key' | 'cert'
  readonly [field: string]: string
}

export interface VaultVolume {
  /** Name of the SecretProviderClass. */
  readonly class: string
  readonly attributes?: Readonly<Record<string, string>>
  /** Secret with the credentials of a service principal. */
  readonly secretRef?: string
  /** Where the container has it; `/vault` unless told. */
  readonly path?: string
}

export interface VaultPodOptions extends AppPodOptions {
  readonly volumes: readonly VaultVolume[]
  readonly serviceAccount?: string
  readonly env?: readonly object[]
}

export const MOUNT = '/vault'

/** The YAML of `objects`, as people write it. */
export function objectsText(objects: readonly ObjectItem[]): string {
  const items = objects.map((each) => {
    const lines = Object.entries(each).map(([field, value]) => `      ${field}: ${value}\n`)
    return `  - |\n${lines.join('')}`
  })
  return objects.length === 0 ? 'array: []\n' : `array:\n${items.join('')}`
}

/** A pod of the test application with volumes of the driver. */
export function vaultPod({ volumes, serviceAccount, env = [], ...options }: VaultPodOptions): AppPodOptions {
  const { command = ['wait'], spec = {} } = options
  const mounts = volumes.map(({ path = MOUNT }, at) => ({
    name: `vault-${at}`,
    mountPath: path,
    readOnly: true,
  }))
  return {
    ...options,
    spec: {
      containers: [appContainer('app', command, { volumeMounts: mounts, env })],
      volumes: volumes.map((each, at) => ({ name: `vault-${at}`, csi: csiVolume(each) })),
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
      ...spec,
    },
  }
}

function csiVolume({ class: name, attributes = {}, secretRef }: VaultVolume): object {
  return {
    driver: DRIVER_NAME,
    readOnly: true,
    volumeAttributes: { secretProviderClass: name, ...attributes },
    ...(secretRef === undefined ? {} : { nodePublishSecretRef: { name: secretRef } }),
  }
}
