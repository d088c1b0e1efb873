import { LIFE_SCRIPTS } from './life-scripts.ts'
import { PATCH_SCRIPTS } from './patch-scripts.ts'
import { READ_SCRIPTS } from './read-scripts.ts'
import { RULE_SCRIPTS } from './rule-scripts.ts'
import type { Script } from './transcript.ts'
import { WRITE_SCRIPTS } from './write-scripts.ts'

export const SCRIPTS: readonly Script[] = [
  ...WRITE_SCRIPTS,
  ...PATCH_SCRIPTS,
  ...READ_SCRIPTS,
  ...LIFE_SCRIPTS,
  ...RULE_SCRIPTS,
]
