// Every text that is shown, with its contrast to what is painted below it.
() => {
  const parts = (colour) => { const found = colour.match(/[\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const light = (colour) => colour.slice(0, 3).map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const style = getComputedStyle;
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(parts(style(one).backgroundColor));
    return layers.reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const painted = (text) => {  // the rectangles of a picture that lie below a text
    const svg = text.ownerSVGElement, box = text.getBBox(), x = box.x + box.width / 2, y = box.y + box.height / 2;
    return [...svg.querySelectorAll("rect")].filter((rect) => {
      const at = rect.getBBox();
      return at.x <= x && x <= at.x + at.width && at.y <= y && y <= at.y + at.height && style(rect).fill.startsWith("rgb");
    }).map((rect) => [...parts(style(rect).fill).slice(0, 3), Number(style(rect).fillOpacity)])
      .reduce((under, top) => over(top, under), ground(svg));
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, element = text.parentElement;
    if (!text.data.trim() || ["SCRIPT", "NOSCRIPT", "OPTION", "title"].includes(element.tagName) || !element.checkVisibility()) continue;
    const inside = element.tagName === "text";
    const ink = light(parts(inside ? style(element).fill : style(element).color)), below = light(inside ? painted(element) : ground(element));
    found.push([(Math.max(ink, below) + 0.05) / (Math.min(ink, below) + 0.05), `${element.tagName}.${element.getAttribute("class")}: ${text.data.trim().slice(0, 40)}`]);
  }
  return found;
}
