export { type Consent, ConsentLinks, type ConsentLinksOptions } from './consent/consent-links.ts'
