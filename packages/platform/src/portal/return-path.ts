/** Where a person goes who asked for no page in particular. */
export const HOME = '/portal'

/**
 * Returns the page to show after sign-in: a path of this origin, or the overview instead of anything else,
 * because a link that leads elsewhere after sign-in (an open redirect) lends our name to a stranger's page.
 */
export function returnPath(sent: string | null | undefined, origin: string): string {
  if (!sent?.startsWith('/') || !URL.canParse(sent, origin)) return HOME
  const url = new URL(sent, origin)
  const path = `${url.pathname}${url.search}`
  // A browser reads `/\host` and `/<tab>/host` as another host, and `/.//host` becomes `//host` once dots are
  // resolved.
  return url.origin === new URL(origin).origin && !path.startsWith('//') ? path : HOME
}
