export { NotFoundScreen as CatalogScreen } from '#src/shell/other-screens.tsx'
