import { ACCESS_CASES } from './access-cases.ts'
import type { KubeCase } from './case-world.ts'
import { CLIENT_ROOM_CASES } from './client-room-cases.ts'
import { DEFINITION_CASES } from './definition-cases.ts'
import { DELETION_CASES } from './deletion-cases.ts'
import { JAVASCRIPT_CLIENT_CASES } from './javascript-client-cases.ts'
import { KUBECTL_CASES } from './kubectl-cases.ts'
import { LEADERSHIP_CASES } from './leadership-cases.ts'
import { LIST_CASES } from './list-cases.ts'
import { NODE_TAINT_CASES } from './node-taint-cases.ts'
import { PATCH_CASES } from './patch-cases.ts'
import { RECORD_MAP_CASES } from './record-map-cases.ts'
import { RULE_CASES } from './rule-cases.ts'
import { TOKEN_CASES } from './token-cases.ts'
import { WATCH_CASES } from './watch-cases.ts'
import { WRITE_CASES } from './write-cases.ts'

/** Everything that the emulator and a real API server have to do alike. */
export const KUBE_CASES: readonly KubeCase[] = [
  ...LIST_CASES,
  ...WATCH_CASES,
  ...WRITE_CASES,
  ...PATCH_CASES,
  ...DELETION_CASES,
  ...ACCESS_CASES,
  ...TOKEN_CASES,
  ...DEFINITION_CASES,
  ...RULE_CASES,
  ...JAVASCRIPT_CLIENT_CASES,
  ...KUBECTL_CASES,
  ...CLIENT_ROOM_CASES,
  ...LEADERSHIP_CASES,
  ...RECORD_MAP_CASES,
  ...NODE_TAINT_CASES,
]
