import { readFile } from 'node:fs/promises'
import { type ArmBudget, createArmBudget } from '../../azure/arm-budget.ts'
import { type ArmClient, createArmClient } from '../../azure/arm-client.ts'
import { createLogin } from '../../azure/arm-login.ts'
import type { ArmCall } from '../../azure/arm-policy.ts'
import type { ClientCertificate } from '../../azure/client-assertion.ts'
import {
  type ArmCredential,
  type CloudConfig,
  cloudConfigOf,
  parseCloudConfig,
} from '../../azure/cloud-config.ts'
import type { Clock } from '../../base/clock.ts'
import { errorText, OperatorError } from '../../base/errors.ts'
import type { Owner } from '../../base/lifecycle.ts'
import type { Arm } from '../../mic/arm.ts'
import type { Log } from '../../telemetry/log.ts'
import type { MicMetrics } from '../../telemetry/mic-metrics.ts'
import { readPkcs12 } from '../../tokens/pkcs12.ts'
import { cloudNamed } from '../cloud.ts'
import type { Environment } from '../flag-command.ts'
import type { MicFlags } from './config.ts'
import { watchFile } from './watched-file.ts'

export interface ArmOptions {
  readonly flags: MicFlags
  readonly environment: Environment
  readonly clock: Clock
  readonly log: Log
  readonly metrics: MicMetrics
  readonly owner: Owner
}

export interface OpenArm extends Arm {
  /** `userAssignedIdentityID` of the present configuration. */
  clusterIdentity(): string
}

/**
 * The way to ARM that azure.json describes. The file is watched: a rotated secret or another identity is
 * used from the next call on; a file that cannot be used any more leaves the last good one in force.
 */
export async function openArm(options: ArmOptions): Promise<OpenArm> {
  const { flags, log, clock, owner } = options
  // One for all configurations: a new secret is no new allowance, and ends no pause that ARM asked for.
  const budget = createArmBudget(clock, flags['arm-calls-per-hour'])
  let source = await readSource(flags.cloudconfig)
  let present = await load(options, source, budget)
  const reload = async (): Promise<void> => {
    try {
      const fresh = await readSource(flags.cloudconfig)
      // The folder holds other files too, whose changes are none of this one.
      if (source?.equals(fresh ?? Buffer.of()) === true) return
      present = await load(options, fresh, budget)
      source = fresh
      log.info({ file: flags.cloudconfig }, 'cloud configuration read again')
    } catch (thrown) {
      log.error(
        { file: flags.cloudconfig, error: errorText(thrown) },
        'the cloud configuration cannot be used; the last one stays in force',
      )
    }
  }
  if (flags.cloudconfig !== '') {
    // One after the other: a slow read of an old file must not win over a newer one.
    let reloading = Promise.resolve()
    const stop = watchFile(flags.cloudconfig, {
      clock,
      changed: () => {
        reloading = reloading.then(reload)
      },
      failed: (error) =>
        log.warn(
          { file: flags.cloudconfig, error: errorText(error) },
          'the cloud configuration cannot be watched; it is read again every minute',
        ),
    })
    owner.own(async () => {
      stop()
      await reloading
    })
  }
  return {
    getGroup: (group, signal) => present.client.getGroup(group, signal),
    patchIdentities: (group, patch, signal) => present.client.patchIdentities(group, patch, signal),
    getIdentity: (id, signal) => present.client.getIdentity(id, signal),
    login: () => present.client.login(),
    clusterIdentity: () => present.config.clusterIdentity,
  }
}

async function load(
  { flags, environment, clock, log, metrics }: ArmOptions,
  source: Buffer | undefined,
  budget: ArmBudget,
): Promise<{ client: ArmClient; config: CloudConfig }> {
  const config = source === undefined ? configOf(environment) : parseCloudConfig(source, flags.cloudconfig)
  const cloud = await cloudNamed(config.cloud, environment)
  const client: ArmClient = createArmClient({
    clock,
    cloud,
    credential: createLogin(config.credential, cloud, { clock, openCertificate }),
    budget,
    userAgent: flags['custom-user-agent'],
    onCall(call: ArmCall) {
      metrics.armCall(call.operation, call.status, call.ms)
      for (const [limit, calls] of call.remaining) metrics.armRemaining(limit, calls)
      metrics.armBudget(client.budget.remaining)
      if (call.status >= 400 || call.status === 0) {
        log.warn(
          { operation: call.operation, status: call.status, ms: Math.round(call.ms) },
          'a call to ARM failed',
        )
      }
    },
  })
  return { client, config }
}

/** A PKCS#12 file, as the cloud provider of Kubernetes has it. */
async function openCertificate(
  credential: Extract<ArmCredential, { kind: 'certificate' }>,
): Promise<ClientCertificate> {
  try {
    return await readPkcs12(await readFile(credential.file), credential.password)
  } catch (thrown) {
    throw new OperatorError(`aadClientCertPath ${credential.file} cannot be used: ${errorText(thrown)}`, {
      cause: thrown,
    })
  }
}

/** The file's bytes; undefined without `--cloudconfig`. @throws OperatorError when it cannot be read. */
async function readSource(file: string): Promise<Buffer | undefined> {
  if (file === '') return undefined
  try {
    return await readFile(file)
  } catch (thrown) {
    throw new OperatorError(`--cloudconfig ${file} cannot be read: ${errorText(thrown)}`, { cause: thrown })
  }
}

function configOf(environment: Environment): CloudConfig {
  const of = (name: string): string => environment[name] ?? ''
  return cloudConfigOf({
    CLOUD: of('CLOUD'),
    TENANT_ID: of('TENANT_ID'),
    CLIENT_ID: of('CLIENT_ID'),
    CLIENT_SECRET: of('CLIENT_SECRET'),
    USE_MSI: of('USE_MSI'),
    USER_ASSIGNED_MSI_CLIENT_ID: of('USER_ASSIGNED_MSI_CLIENT_ID'),
  })
}
