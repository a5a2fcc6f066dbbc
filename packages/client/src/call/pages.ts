import { ProtocolError } from '../errors.ts'

/** Reads a Graph collection, one item after another; a page may be empty and still have a next one (wire.md §13.5). */
export async function* readPages(
  get: (path: string) => Promise<unknown>,
  path: string,
): AsyncGenerator<unknown> {
  const seen = new Set<string>()
  for (let next: string | undefined = path; next !== undefined; ) {
    if (seen.has(next)) throw malformed('a next link that was followed before')
    seen.add(next)
    const page = readPage(await get(next))
    yield* page.items
    next = page.next
  }
}

function readPage(body: unknown): { readonly items: readonly unknown[]; readonly next: string | undefined } {
  if (typeof body !== 'object' || body === null || !('value' in body) || !Array.isArray(body.value))
    throw malformed('no "value" list')
  const next = '@odata.nextLink' in body ? body['@odata.nextLink'] : undefined
  if (next !== undefined && typeof next !== 'string') throw malformed('a next link that is no text')
  return { items: body.value, next }
}

function malformed(found: string): ProtocolError {
  return new ProtocolError(
    `Cannot read the page, as a collection with "value" and "@odata.nextLink" is needed: found ${found}`,
    {
      code: 'page_malformed',
    },
  )
}
