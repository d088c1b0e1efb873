import type { System } from '../harness/system-world.ts'

export function testRestarts(_system: () => System): void {}
