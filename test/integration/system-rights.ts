import type { System } from '../harness/system-world.ts'

export function testRights(_system: () => System): void {}
