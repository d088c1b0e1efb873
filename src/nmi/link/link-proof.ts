import type { Clock, Timer } from '../../base/clock.ts'
import type { Store } from '../../kube/store.ts'
import { BINDING_LABEL, objectKey } from '../../model/names.ts'
import type { Pod } from '../../model/resources.ts'
import type { Log } from '../../telemetry/log.ts'
import type { CallerProof, Verdict } from '../caller.ts'
import { ownsItsAddresses } from '../pod-ends.ts'
import { createRateLimit } from '../rate-limit.ts'
import type { GuardedPlace } from './bridge-rules.ts'
import type { LinkAges } from './link-ages.ts'
import type { Link, LinkTable, Place } from './link-table.ts'

/** What the API has said about a pod and one of its addresses, and the link that is the pod's by it. */
interface Claim {
  readonly address: string
  /** The pod may ask for tokens: it has the label of a binding. */
  asks: boolean
  /** Undefined until the address was heard on a link. */
  link: Link | undefined
  /** `Pod.sandboxAt` when the link was noted. */
  notedAt: number
  /** Number of the look when the API said it: the pod's link was there then. */
  heardIn: number
  /** `Pod.sandboxAt` then. */
  sandboxAt: number
}

export interface LinkProof extends CallerProof {
  /** Places on bridges of pods that may ask for tokens. */
  guardable(): readonly GuardedPlace[]
  /** That of one pod and address. */
  placeOf(pod: Pod, address: string): GuardedPlace | undefined
  /** Starts to look at the devices. */
  start(): void
  stop(): void
}

/** Devices are looked at so often; it bounds how exactly their age is known. */
const LOOK_MS = 1_000
/** Times in a pod's status are whole seconds, rounded down; the rest is for what is written a moment later. */
const STATUS_SLACK_MS = 2_000
/** Claims of pods that were read directly, before their watch event. */
const MAX_UNWATCHED = 256

/**
 * Proof by the link: each pod has a network device of its own, so an address that has moved on to another pod is on
 * another device. When the API tells of a pod and its address, the device that the address is on is noted as
 * the pod's; a caller is that pod only while the address is still there.
 *
 * A noted link changes only when the pod's status tells of a sandbox (or a container) that was started later, and
 * only to a device that may be as old as that: a late event about the old pod cannot claim the device of the next.
 */
export function createLinkProof(deps: {
  readonly pods: Store<Pod>
  readonly table: LinkTable
  readonly ages: LinkAges
  readonly clock: Clock
  readonly log: Log
}): LinkProof {
  const { pods, table, ages, clock, log } = deps
  const claims = new Map<string, Map<string, Claim>>()
  /** Link -> UID of the pod that it belongs to. */
  const holders = new Map<number, string>()
  /** Claims whose address no bridge port has used yet. */
  const unheard = new Set<Claim>()
  let timer: Timer | undefined
  let toldUnknown = false
  const overlongTold = createRateLimit(clock, { perSecond: 1 / 60, burst: 1 })

  /** A link of a later birth than what the API has said is another pod's. */
  function mayBeOf(link: Link, claim: Claim): boolean {
    const absent = ages.absentIn(link)
    if (absent.number >= claim.heardIn) return false
    const wall = ages.wallAt(absent)
    return claim.sandboxAt === 0 || wall === undefined || wall <= claim.sandboxAt + STATUS_SLACK_MS
  }

  function judge(uid: string, claim: Claim, place: Link): Verdict {
    const { link } = claim
    if (link?.id === place.id) return 'proven'
    const replaced = link !== undefined && claim.sandboxAt > claim.notedAt && !ages.exists(link)
    if (link !== undefined && !replaced) return 'disproven'
    const holder = holders.get(place.id)
    // A routed device that several pods share does not tell them apart; a port of a bridge is one pod's.
    if (holder !== undefined && holder !== uid) return place.bridged ? 'disproven' : 'unknown'
    if (!mayBeOf(place, claim)) return 'disproven'
    letGo(uid, claim)
    claim.link = place
    claim.notedAt = claim.sandboxAt
    holders.set(place.id, uid)
    return 'proven'
  }

  function letGo(uid: string, claim: Claim): void {
    const { link } = claim
    claim.link = undefined
    if (link === undefined || holders.get(link.id) !== uid) return
    for (const each of claims.get(uid)?.values() ?? []) if (each.link?.id === link.id) return
    holders.delete(link.id)
  }

  function take(pod: Pod, address: string): Claim {
    if (claims.size > pods.size + MAX_UNWATCHED) forgetUnwatched()
    const own = claims.get(pod.uid) ?? new Map<string, Claim>()
    claims.set(pod.uid, own)
    const { sandboxAt } = pod
    const asks = asksForTokens(pod)
    const heardIn = ages.look().number
    const claim: Claim = { address, asks, link: undefined, notedAt: 0, heardIn, sandboxAt }
    own.set(address, claim)
    return claim
  }

  /** The API has told of the pod again: of a later sandbox perhaps. */
  function renew(pod: Pod, claim: Claim): boolean {
    if (pod.deleting || pod.sandboxAt <= claim.sandboxAt) return false
    claim.heardIn = ages.look().number
    claim.sandboxAt = pod.sandboxAt
    return true
  }

  function settle(uid: string, address: string, claim: Claim): void {
    const place = table.locate(address)
    if (isLink(place)) judge(uid, claim, place)
    if (place === 'unheard' && claim.link === undefined) unheard.add(claim)
    else unheard.delete(claim)
  }

  function learn(pod: Pod): void {
    const own = claims.get(pod.uid)
    for (const [address, claim] of own ?? [])
      if (!pod.addresses.includes(address)) drop(pod.uid, address, claim)
    for (const address of pod.addresses) {
      const known = own?.get(address)
      if (known !== undefined) known.asks = asksForTokens(pod)
      if (known !== undefined && !renew(pod, known)) continue
      table.refresh()
      settle(pod.uid, address, known ?? take(pod, address))
    }
  }

  function drop(uid: string, address: string, claim: Claim): void {
    letGo(uid, claim)
    unheard.delete(claim)
    claims.get(uid)?.delete(address)
  }

  function forget(uid: string): void {
    for (const [address, claim] of claims.get(uid) ?? []) drop(uid, address, claim)
    claims.delete(uid)
  }

  /** Pods that were read directly and that the watch never told. */
  function forgetUnwatched(): void {
    const watched = new Set([...pods.values()].map((pod) => pod.uid))
    for (const uid of claims.keys()) if (!watched.has(uid)) forget(uid)
  }

  function tellUnknown(pod: Pod, address: string): Verdict {
    if (!toldUnknown) {
      toldUnknown = true
      log.warn(
        { address, pod: objectKey(pod.namespace, pod.name) },
        'the network of this node does not show the link of a pod: callers are told by their address alone',
      )
    }
    return 'unknown'
  }

  /** That the table cannot be read says nothing against a pod; one whose link is known has to be shown on it, though. */
  function overlong(pod: Pod, address: string, claim: Claim): Verdict {
    if (claim.link === undefined) return tellUnknown(pod, address)
    if (overlongTold.take())
      log.error(
        { address, pod: objectKey(pod.namespace, pod.name) },
        'the routes of this node are more than the agent reads (4 MiB): pods cannot be verified and are refused',
      )
    return 'unheard'
  }

  /** A port that is gone must not be guarded: its address may be the next pod's already. */
  function guardedPlace({ asks, link, address }: Claim): GuardedPlace | undefined {
    if (!asks || link?.mac === undefined || !ages.exists(link)) return undefined
    return { device: link.device, address, mac: link.mac }
  }

  /** Addresses that a bridge had not heard when the API told of them are looked for again. */
  function look(): void {
    ages.look()
    if (unheard.size > 0) {
      for (const [uid, own] of claims) {
        for (const [address, claim] of own) if (unheard.has(claim)) settle(uid, address, claim)
      }
    }
    timer = clock.after(LOOK_MS, look)
  }

  // From before the first list on, so that no pod is told of unseen.
  const unsubscribe = pods.subscribe(({ before, after }) => {
    if (before !== undefined && before.uid !== after?.uid) forget(before.uid)
    if (after === undefined) return
    if (ownsItsAddresses(after)) learn(after)
    else forget(after.uid)
  })
  ages.look()
  for (const pod of pods.values()) if (ownsItsAddresses(pod)) learn(pod)

  return {
    verify(pod, address) {
      const claim = claims.get(pod.uid)?.get(address) ?? take(pod, address)
      const place = table.locate(address)
      if (place === 'unheard') return 'unheard'
      if (place === 'overlong') return overlong(pod, address, claim)
      if (place === 'unknown') return claim.link === undefined ? tellUnknown(pod, address) : 'disproven'
      const verdict = judge(pod.uid, claim, place)
      return verdict === 'unknown' ? tellUnknown(pod, address) : verdict
    },
    guardable: () =>
      [...claims.values()].flatMap((own) => [...own.values()].flatMap((claim) => guardedPlace(claim) ?? [])),
    placeOf(pod, address) {
      const claim = claims.get(pod.uid)?.get(address)
      return claim === undefined ? undefined : guardedPlace(claim)
    },
    start() {
      timer ??= clock.after(LOOK_MS, look)
    },
    stop() {
      unsubscribe()
      timer?.cancel()
    },
  }
}

/** By the label alone: exceptions are for what is trusted with the node's identity anyway. */
function asksForTokens({ labels }: Pod): boolean {
  return (labels[BINDING_LABEL] ?? '') !== ''
}

function isLink(place: Place): place is Link {
  return typeof place === 'object'
}
