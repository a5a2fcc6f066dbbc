import { registerHooks } from 'node:module'

const EDITION = 'tomte-edition'
let isHooked = false

/**
 * The address under which a module is read anew, and with it, at any depth, what it imports by a path of its own (`./`, `../`) or by a
 * `#name` of its package.json. Packages stay as they are loaded: the classes of theirs that are compared must be the same ones. So
 * does what is loaded by `require`. What was read before stays in memory, as it does in Node.
 *
 * @param edition 0 is what a program loads first; every other number is read anew once.
 */
export function freshModule(url: string, edition: number): string {
  if (edition === 0) return url
  hook()
  return withEdition(url, String(edition))
}

function hook(): void {
  if (isHooked) return
  isHooked = true
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context)
      if (!/^(?:\.{0,2}\/|#)/.test(specifier) || !found.url.startsWith('file:')) return found
      const edition = editionOf(context.parentURL)
      return edition === null ? found : { ...found, url: withEdition(found.url, edition) }
    },
  })
}

const editionOf = (url: string | undefined): string | null =>
  url?.includes(EDITION) ? new URL(url).searchParams.get(EDITION) : null

function withEdition(text: string, edition: string): string {
  const url = new URL(text)
  url.searchParams.set(EDITION, edition)
  return url.href
}
