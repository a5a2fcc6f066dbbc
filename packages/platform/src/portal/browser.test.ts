// The administrator's walk in a real browser: it alone knows what the headers, the cookie and the Origin of a
// form come to together, and whether the pages can be used with a keyboard, a small screen and a screen
// reader.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { GRAPH_APP_ID, GRAPH_ROLES } from '../registration/graph-application.ts'
import { makePassword } from './accounts.ts'
import { type House, openHouse } from './test-support.ts'

const PASSWORD = makePassword()
const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const tools = await loadTools()
const skip = tools.missing === undefined ? false : tools.missing

async function loadTools() {
  if (!existsSync(CHROMIUM)) return { missing: `there is no ${CHROMIUM}` } as const
  try {
    const [{ chromium }, { default: axe }] = await Promise.all([
      import('playwright-core'),
      import('axe-core'),
    ])
    return { chromium, axe, missing: undefined } as const
  } catch {
    return { missing: 'playwright-core or axe-core is not installed' } as const
  }
}

let house: House
let browser: Browser
before(async () => {
  if (tools.missing !== undefined) return
  const accounts = [{ userName: 'bo@fabrikam.example', password: PASSWORD }]
  house = await openHouse(undefined, {
    tenants: [{ domain: 'fabrikam.example', displayName: 'Fabrikam', accounts }],
  })
  browser = await tools.chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
})
after(async () => {
  await browser?.close()
  await house?.[Symbol.asyncDispose]()
})

interface Look {
  readonly colorScheme: 'light' | 'dark'
  readonly width: number
}

interface Opened {
  readonly context: BrowserContext
  readonly page: Page
  /** What the browser wrote to its console, such as what the content security policy kept from the page. */
  readonly complaints: readonly string[]
}

async function openPage({ colorScheme, width }: Look): Promise<Opened> {
  const context = await browser.newContext({
    baseURL: house.platform.origin,
    ignoreHTTPSErrors: true,
    colorScheme,
    viewport: { width, height: 800 },
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    const expected = message.location().url.endsWith('/favicon.ico')
    if (message.type() === 'error' && !expected) complaints.push(`${page.url()}: ${message.text()}`)
  })
  return { context, page, complaints }
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

/** The link that is shown, and what a small screen breaks of it in the middle of a word. */
const brokenParts = (page: Page) =>
  page.evaluate(`(() => {
    const link = document.querySelector('code.link')
    const parts = [...link.childNodes].filter(({ nodeName }) => nodeName === '#text')
    const linesOf = (part) => {
      const range = document.createRange()
      range.selectNodeContents(part)
      return range.getClientRects().length
    }
    const broken = parts.filter((part) => !part.textContent.includes('-') && linesOf(part) > 1)
    return [link.textContent, broken.map(({ textContent }) => textContent)]
  })()`)

/** Nothing that axe finds, of any impact, and nothing wider than the screen. */
async function assertUsable(page: Page): Promise<void> {
  assert.ok(tools.missing === undefined)
  await page.evaluate(tools.axe.source)
  const results = (await page.evaluate('axe.run()')) as AxeResults
  const found = results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
  )
  assert.deepEqual(found, [], page.url())
  const tooWide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.ok(Number(tooWide) <= 0, `${page.url()} is ${String(tooWide)} pixels too wide`)
}

for (const look of [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 360 },
] as const) {
  const screen = `${look.colorScheme}, ${look.width} px`
  test(`An administrator signs in, looks around and grants consent, ${screen}`, { skip }, async () => {
    const displayName = `HR sync ${look.width}`
    const resourceAccess = [{ id: GRAPH_ROLES['User.ReadWrite.All'].id, type: 'Role' }]
    await house.graph('POST', '/applications', {
      displayName,
      requiredResourceAccess: [{ resourceAppId: GRAPH_APP_ID, resourceAccess }],
    })
    const { context, page, complaints } = await openPage(look)

    await page.goto('/')
    await assertUsable(page)
    await page.getByLabel('Password').fill(house.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await assertUsable(page)

    await page.getByRole('link', { name: 'Sign-ins and changes' }).click()
    await page.getByRole('heading', { name: 'Logs' }).waitFor()
    await assertUsable(page)
    await page.getByRole('link', { name: 'Back to the overview' }).click()

    await page.getByRole('link', { name: `Review and grant what ${displayName} asks for` }).click()
    await page.getByRole('heading', { name: `${displayName} asks for consent` }).waitFor()
    await assertUsable(page)
    await page.getByRole('button', { name: 'Grant consent' }).click()
    await page.getByRole('heading', { name: 'Consent granted' }).waitFor()
    await page.getByText(`New tokens of ${displayName} carry these roles`).waitFor()
    await assertUsable(page)

    await page.getByRole('link', { name: 'Back to the overview' }).click()
    const card = page.getByRole('article').filter({ hasText: displayName })
    await card.getByText(/^granted on \d+ \w+ \d{4}$/).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test(`A person who is no administrator is told to ask one, ${screen}`, { skip }, async () => {
    const { appId } = await house.graph('POST', '/applications', {
      displayName: `Payroll ${look.width}`,
      signInAudience: 'AzureADMultipleOrgs',
    })
    const { context, page, complaints } = await openPage(look)
    const scope = encodeURIComponent('https://graph.microsoft.com/.default')
    await page.goto(`/organizations/v2.0/adminconsent?client_id=${appId}&scope=${scope}`)
    await page.getByLabel('User name').fill('bo@fabrikam.example')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'An administrator is needed' }).waitFor()
    await assertUsable(page)
    assert.deepEqual(await brokenParts(page), [page.url(), []])
    for (const [path, heading] of [
      ['/portal', 'An administrator is needed'],
      ['/portal/nowhere', 'There is no such page'],
    ] as const) {
      await page.goto(path)
      await page.getByRole('heading', { name: heading }).waitFor()
      await assertUsable(page)
      await page.getByRole('button', { name: 'Sign out' }).waitFor()
    }
    await page.goBack()
    await page.goBack()
    await page.getByRole('button', { name: 'Sign in with another account' }).click()
    await page.getByLabel('Password').fill(house.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: `Payroll ${look.width} asks for consent` }).waitFor()
    // The browser tells of every answer above 399, and these were meant to be refusals.
    assert.deepEqual(
      complaints.filter((complaint) => !/status of 40[34]/.test(complaint)),
      [],
    )
    await context.close()
  })
}
