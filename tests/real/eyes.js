// Text of too little contrast (WCAG 2.2, 1.4.3), controls without a name, tables without headers, and what is cut off.
() => {
  const faults = [];
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("svg, .unseen, option")) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(numbers(style.color)), light(ground(node))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if ((a + 0.05) / (b + 0.05) < least) faults.push(`contrast: ${walker.currentNode.data.trim().slice(0, 40)}`);
  }
  const named = (node) => node.ariaLabel || node.labels?.length || node.textContent.trim() ||
    document.getElementById(node.getAttribute("aria-labelledby"))?.textContent;
  for (const node of document.querySelectorAll("a, button, input:not([type=hidden]), select, [role], svg, [tabindex]")) {
    if (!named(node)) faults.push(`no name: ${node.outerHTML.slice(0, 80)}`);
  }
  for (const node of document.querySelectorAll("table")) if (!node.caption) faults.push("a table without a caption");
  for (const node of document.querySelectorAll("th")) if (!node.scope) faults.push(`no scope: ${node.textContent}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.documentElement.lang) faults.push("no language");
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`wider than its window: ${document.documentElement.scrollWidth}`);
  return faults;
}
