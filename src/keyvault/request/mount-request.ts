import * as v from 'valibot'
import { SecretString } from '../../base/secret.ts'
import { MountFailure } from '../mount-failure.ts'
import { JsonTextsError, parseJsonTexts, type TextLimits } from './json-texts.ts'

/** The strings of `MountRequest`, as the CSI driver sends them. */
export interface MountMessage {
  /** JSON object: parameters of the class under the volume attributes and what kubelet adds. */
  readonly attributes: string
  /** JSON object: the Secret of nodePublishSecretRef; `null` when there is none. */
  readonly secrets: string
  readonly targetPath: string
  /** JSON number, mode of files that name none. */
  readonly permission: string
}

export interface MountPod {
  readonly namespace: string
  readonly name: string
  /** Empty when kubelet did not say it. */
  readonly serviceAccount: string
}

export interface MountRequest {
  readonly pod: MountPod
  /** Trimmed; without the service-account tokens. */
  readonly parameters: ReadonlyMap<string, string>
  /** Of nodePublishSecretRef; without the service-account tokens. */
  readonly secrets: ReadonlyMap<string, SecretString>
  /** JSON, see `serviceAccountToken`; undefined when the driver sent none. */
  readonly serviceAccountTokens?: SecretString
  /** Permission bits, 0 to 0o777. */
  readonly defaultMode: number
  readonly targetPath: string
}

const POD_NAME = 'csi.storage.k8s.io/pod.name'
const POD_NAMESPACE = 'csi.storage.k8s.io/pod.namespace'
const SERVICE_ACCOUNT = 'csi.storage.k8s.io/serviceAccount.name'
const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens'

/** Above what the API server stores for one object, below what the driver's connection carries. */
const ATTRIBUTES: TextLimits = { length: 1024 * 1024, keys: 1_000 }
/** A Secret has at most 1 MiB, its JSON may be longer than its data. */
const SECRETS: TextLimits = { length: 4 * 1024 * 1024, keys: 1_000 }
const LONGEST_PATH = 4_096

const MODE = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o777))

/** What the API server allows for names of pods, namespaces and service accounts; they go into headers. */
const KUBERNETES_NAME = /^[\da-z](?:[\d.a-z-]{0,251}[\da-z])?$/

/**
 * What the CSI driver sent, read. Tokens and secrets never show in a message or its causes.
 * @throws MountFailure `request-unreadable` or `pod-info-missing`
 */
export function parseMountRequest(message: MountMessage): MountRequest {
  const attributes = readTexts('attributes', message.attributes, ATTRIBUTES) ?? new Map<string, string>()
  const secrets = readTexts('secrets', message.secrets, SECRETS) ?? new Map<string, string>()
  const defaultMode = readMode(message.permission)
  if (message.targetPath.length > LONGEST_PATH)
    throw unreadable(`target path is longer than ${LONGEST_PATH} characters`)
  const parameters = new Map([...attributes].map(([name, text]) => [name, text.trim()]))
  const pod = readPod(parameters)
  // Drivers that keep tokens out of the volume attributes send them among the secrets.
  const tokens = [secrets.get(TOKENS), attributes.get(TOKENS)].find((text) => (text ?? '').trim() !== '')
  parameters.delete(TOKENS)
  return {
    pod,
    parameters,
    secrets: new Map(
      [...secrets].filter(([key]) => key !== TOKENS).map(([key, text]) => [key, new SecretString(text)]),
    ),
    ...(tokens === undefined ? {} : { serviceAccountTokens: new SecretString(tokens) }),
    defaultMode,
    targetPath: message.targetPath,
  }
}

function readPod(parameters: ReadonlyMap<string, string>): MountPod {
  const name = nameOf(parameters, POD_NAME, 'pod name')
  if (name === '') throw new MountFailure('pod-info-missing', 'pod name is not provided')
  const namespace = nameOf(parameters, POD_NAMESPACE, 'pod namespace')
  if (namespace === '') throw new MountFailure('pod-info-missing', 'pod namespace is not provided')
  return { namespace, name, serviceAccount: nameOf(parameters, SERVICE_ACCOUNT, 'service account') }
}

function nameOf(parameters: ReadonlyMap<string, string>, key: string, what: string): string {
  const text = parameters.get(key) ?? ''
  if (text === '' || KUBERNETES_NAME.test(text)) return text
  throw unreadable(`${what} is not a name that Kubernetes allows`)
}

function readTexts(what: string, json: string, limits: TextLimits): ReadonlyMap<string, string> | undefined {
  try {
    return parseJsonTexts(json, limits)
  } catch (thrown) {
    if (!(thrown instanceof JsonTextsError)) throw thrown
    throw unreadable(`failed to unmarshal ${what}, error: ${thrown.message}`)
  }
}

function readMode(json: string): number {
  const parsed = v.safeParse(MODE, /^\d{1,5}$/.test(json.trim()) ? Number(json) : undefined)
  if (parsed.success) return parsed.output
  throw unreadable('failed to unmarshal file permission, error: not a JSON number from 0 to 511')
}

function unreadable(text: string): MountFailure {
  return new MountFailure('request-unreadable', text)
}
