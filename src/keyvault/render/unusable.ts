/**
 * What a vault holds cannot become the file that was asked for. The message says nothing of the content;
 * `renderObject` puts type and name before it.
 */
export class Unusable extends Error {
  override readonly name = 'Unusable'
}
