/** The cases of the suite of real clients, as data. */
import type { SettingsInput } from '../../../emulator/azure/state/settings.ts'
import type { ClientCluster, ClientIdentity } from './client-cluster.ts'
import { AUDIENCE, type Expectation } from './client-judge.ts'
import type { ClientProgram } from './client-programs.ts'

/** One pod that runs to its end. */
export interface ClientCase {
  /** Part of the names of pod and identity: lower-case letters, digits, dashes. */
  readonly name: string
  /** Column of the table in docs/sdks.md; several cases share one. */
  readonly column: string
  /** Only for clients with credential classes. */
  readonly needsCredentials?: boolean
  plan(site: CaseSite): Promise<Plan>
}

interface CaseSite {
  readonly cluster: ClientCluster
  readonly program: ClientProgram
  /** Unique for client and case. */
  readonly name: string
}

interface Plan {
  readonly args: readonly string[]
  readonly expected: Expectation
}

/** Cases that run under the same settings of Azure. */
export interface Phase {
  readonly title: string
  readonly settings: SettingsInput
  /** Pods at once. */
  readonly parallel: number
  /** Of each pod; long, since nothing is judged by its time. */
  readonly deadlineMs: number
  readonly cases: readonly ClientCase[]
}

type Chooser = (identity: ClientIdentity) => readonly string[]

const SCOPE = `scope=${AUDIENCE}/.default`
const byNothing: Chooser = () => []
const byClientId: Chooser = ({ clientId }) => [`client-id=${clientId}`]
const byResourceId: Chooser = ({ resourceId }) => [`resource-id=${resourceId}`]
const byObjectId: Chooser = ({ objectId }) => [`object-id=${objectId}`]

const MANAGED = 'credential=managed'
const DEFAULT = 'credential=default'

const soleOf = ([identity]: readonly ClientIdentity[]): ClientIdentity => {
  if (identity === undefined) throw new Error('the cluster bound no identity')
  return identity
}

interface SoleCase {
  readonly name: string
  readonly column: string
  readonly credential: string
  readonly choose: Chooser
  readonly waitsMs?: number
}

/** A token and the secret, with the pod's only identity. */
function sole({ name, column, credential, choose, waitsMs = 0 }: SoleCase): ClientCase {
  return {
    name,
    column,
    needsCredentials: credential === DEFAULT,
    async plan({ cluster, name: unique }) {
      const identity = soleOf(await cluster.bind(unique, [unique]))
      const { url, secret, value } = cluster.vault
      return {
        args: ['both', credential, SCOPE, `vault=${url}`, `secret=${secret}`, ...choose(identity)],
        expected: { results: 2, clientId: identity.clientId, secret: value, waitsMs },
      }
    },
  }
}

/** The call is made while the identity is being assigned; a container may take its time to start. */
const late = (name: string, credential: string): ClientCase =>
  sole({ name, column: 'identity arriving late', credential, choose: byClientId, waitsMs: 20_000 })

/** Two identities are bound to the pod; the program names the second. */
function several(name: string, credential: string, choose: Chooser): ClientCase {
  return {
    name,
    column: 'several identities',
    needsCredentials: credential === DEFAULT,
    async plan({ cluster, name: unique }) {
      const [, identity] = await cluster.bind(unique, [`${unique}-a`, `${unique}-b`])
      if (identity === undefined) throw new Error('the cluster bound one identity instead of two')
      return {
        args: ['token', credential, SCOPE, ...choose(identity)],
        expected: { results: 1, clientId: identity.clientId },
      }
    },
  }
}

/** The program names an identity that is not bound to its pod. */
function wrong(name: string, credential: string): ClientCase {
  return {
    name,
    column: 'podid’s reason in the error',
    needsCredentials: credential === DEFAULT,
    async plan({ cluster, name: unique }) {
      await cluster.bind(unique, [unique])
      const other = await cluster.unbound(`${unique}-x`)
      return {
        args: ['token', credential, SCOPE, `client-id=${other.clientId}`],
        expected: { results: 1, refusal: /identity-not-bound/ },
      }
    },
  }
}

function refresh(name: string, credential: string, rounds: number): ClientCase {
  return {
    name,
    column: 'refresh',
    needsCredentials: credential === DEFAULT,
    async plan({ cluster, name: unique }) {
      const identity = soleOf(await cluster.bind(unique, [unique]))
      const { url, secret, value } = cluster.vault
      const often = [`times=${rounds}`, 'pause-ms=5000']
      return {
        args: ['both', credential, SCOPE, `vault=${url}`, `secret=${secret}`, ...often],
        expected: { results: 2 * rounds, clientId: identity.clientId, secret: value, differentTokens: 3 },
      }
    },
  }
}

function burst(name: string, credential: string): ClientCase {
  return {
    name,
    column: '50 at once',
    needsCredentials: credential === DEFAULT,
    async plan({ cluster, program, name: unique }) {
      const identity = soleOf(await cluster.bind(unique, [unique]))
      return {
        args: ['token', credential, SCOPE, `parallel=${program.burst}`],
        expected: { results: program.burst, clientId: identity.clientId },
      }
    },
  }
}

/** Quick operations without ARM's limit on how many there are: what is tried here are the clients. */
const QUICK: SettingsInput = {
  armLimits: false,
  vmssOperationMs: 500,
  imdsLagMs: 0,
  identityTokenSeconds: 86_399,
  imdsCacheMarginSeconds: 300,
}

export const PHASES: readonly Phase[] = [
  {
    title: 'tokens and secrets',
    settings: QUICK,
    parallel: 4,
    deadlineMs: 300_000,
    cases: [
      sole({ name: 'none', column: 'no id', credential: MANAGED, choose: byNothing }),
      sole({ name: 'client-id', column: 'by client id', credential: MANAGED, choose: byClientId }),
      sole({ name: 'resource-id', column: 'by resource id', credential: MANAGED, choose: byResourceId }),
      sole({ name: 'object-id', column: 'by object id', credential: MANAGED, choose: byObjectId }),
      sole({ name: 'default', column: 'DefaultAzureCredential', credential: DEFAULT, choose: byNothing }),
      sole({ name: 'default-id', column: 'DefaultAzureCredential', credential: DEFAULT, choose: byClientId }),
      several('several', MANAGED, byClientId),
      several('several-res', MANAGED, byResourceId),
      several('several-obj', MANAGED, byObjectId),
      several('several-dac', DEFAULT, byClientId),
      wrong('wrong', MANAGED),
      wrong('wrong-dac', DEFAULT),
    ],
  },
  {
    title: 'many calls at once, before the identity is assigned',
    settings: QUICK,
    parallel: 2,
    deadlineMs: 300_000,
    cases: [burst('burst', MANAGED), burst('burst-dac', DEFAULT)],
  },
  {
    // SDKs renew a token five minutes before its end: these are renewed every half minute.
    title: 'tokens of 330 s, used for 80 s',
    settings: { ...QUICK, identityTokenSeconds: 330, imdsCacheMarginSeconds: 315 },
    parallel: 10,
    deadlineMs: 900_000,
    cases: [refresh('refresh', MANAGED, 16), refresh('refresh-dac', DEFAULT, 16)],
  },
  {
    // Below every margin of an SDK and of podid itself, and really over while the program runs.
    title: 'tokens of 90 s, used for 120 s',
    settings: { ...QUICK, identityTokenSeconds: 90, imdsCacheMarginSeconds: 60 },
    parallel: 10,
    deadlineMs: 900_000,
    cases: [refresh('expiry', MANAGED, 24), refresh('expiry-dac', DEFAULT, 24)],
  },
  {
    title: 'the first call while the identity is assigned for 60 s, and unknown to IMDS for 15 s more',
    settings: { ...QUICK, vmssOperationMs: 60_000, imdsLagMs: 15_000 },
    parallel: 10,
    deadlineMs: 600_000,
    cases: [late('late', MANAGED), late('late-dac', DEFAULT)],
  },
]
