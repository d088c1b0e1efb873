import type { VaultObject } from '../../azure/vault-objects.ts'
import { MountFailure } from '../mount-failure.ts'
import type { WantedObject } from '../wanted-object.ts'
import { renderCertificate } from './certificate.ts'
import { renderKey } from './key.ts'
import type { RenderedPart, Rendering } from './rendered-part.ts'
import { renderSecret } from './secret.ts'
import { Unusable } from './unusable.ts'

/**
 * The files that one version of an object becomes; the combined file comes last.
 * @throws MountFailure `object-unusable`; its message says nothing of the content
 */
export async function renderObject(
  object: VaultObject,
  wanted: Pick<WantedObject, 'format' | 'encoding' | 'type' | 'name'>,
  rendering: Rendering,
): Promise<readonly RenderedPart[]> {
  try {
    return await partsOf(object, wanted, rendering)
  } catch (thrown) {
    if (!(thrown instanceof Unusable)) throw thrown
    const what = `objectType:${wanted.type}, objectName:${wanted.name}, objectVersion:${object.version}`
    throw new MountFailure('object-unusable', `failed to get ${what}: ${thrown.message}`)
  }
}

async function partsOf(
  object: VaultObject,
  wanted: Pick<WantedObject, 'format' | 'encoding'>,
  rendering: Rendering,
): Promise<readonly RenderedPart[]> {
  if (object.shelf === 'secrets') return renderSecret(object, wanted, rendering)
  return [{ suffix: '', contents: object.shelf === 'keys' ? renderKey(object) : renderCertificate(object) }]
}
