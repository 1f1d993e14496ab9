import { cell } from './cell.ts';

export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const name = 'moonstead-theme';

function isTheme(text: string | null): text is Theme {
  return themes.includes(text as Theme);
}

const kept = localStorage.getItem(name);
export const theme = cell<Theme>(isTheme(kept) ? kept : 'auto');

export function chooseTheme(wanted: Theme): void {
  localStorage.setItem(name, wanted);
  theme.set(wanted);
  document.documentElement.dataset.theme = wanted;
}

document.documentElement.dataset.theme = theme.get();
