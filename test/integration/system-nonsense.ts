import type { System } from '../harness/system-world.ts'

export function testNonsense(_system: () => System): void {}
