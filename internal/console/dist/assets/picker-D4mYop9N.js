import{A as e,C as t,H as n,L as r,N as i,c as a,j as o,k as s,n as c,z as l}from"./button-DEm63TdV.js";import{Q as u,r as d,v as f}from"./signin-D3JWWqJ6.js";import{i as p,r as m}from"./rooms-BO70z-Bw.js";function h({access:e,open:n}){let r=n?{id:e.accessKeyId,secret:e.secretAccessKey}:null;return{endpoint:t,region:e.region,key:r}}var g=`The access key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,_=/^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$/,v=e=>_.test(e)?e:`'${e.replaceAll(`'`,`'\\''`)}'`,y=e=>JSON.stringify(e).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g,e=>`\\u`+e.charCodeAt(0).toString(16).padStart(4,`0`)),b=/^[A-Za-z_$][A-Za-z0-9_$]*$/;function x(e){let t=Object.entries(e).map(([e,t])=>`${b.test(e)?e:y(e)}: ${y(t)}`);return t.length?`{ ${t.join(`, `)} }`:`{}`}var S=e=>Object.entries(e).map(([e,t])=>`${y(e)}: ${y(t)}`).join(`, `);function C(e,t=` `){let n=Math.max(...e.map(([e])=>e.length));return e.map(([e,r])=>e.padEnd(n)+t+r)}function w(e,t,n){return[{id:`aws`,label:`AWS CLI`,language:`shell`,code:T(`aws ivschat create-chat-token`,e,E(t,n))},{id:`parley`,label:`parley`,language:`shell`,code:T(`parley create-chat-token`,e,E(t,n))},{id:`javascript`,label:`JavaScript`,language:`javascript`,code:O(e,t,n),file:`chat-token.mjs`},{id:`python`,label:`Python`,language:`python`,code:A(e,t,n),file:`chat_token.py`},{id:`go`,label:`Go`,language:`go`,code:M(e,t,n),file:`main.go`}]}function T(e,t,n){let{endpoint:r,region:i,key:a}=t;return(a?`AWS_ACCESS_KEY_ID=${v(a.id)} AWS_SECRET_ACCESS_KEY=${v(a.secret)} \\\n`:`# ${g}\n`)+[e,...[[`--endpoint-url`,v(r)],[`--region`,v(i)],...n].map(e=>`  `+e.join(` `))].join(` \\
`)+`
`}function E(e,t){let n=[[`--room-identifier`,v(e)],[`--user-id`,v(t.userId)]];return t.capabilities.length&&n.push([`--capabilities`,t.capabilities.join(` `)]),n.push([`--session-duration-in-minutes`,String(t.sessionMinutes)]),D(t)&&n.push([`--attributes`,v(JSON.stringify(t.attributes))]),n}var D=e=>Object.keys(e.attributes).length>0;function O(e,t,n){let r=[`roomIdentifier: ${y(t)},`,`userId: ${y(n.userId)},`,`capabilities: ${JSON.stringify(n.capabilities).replaceAll(`,`,`, `)},`,`sessionDurationInMinutes: ${n.sessionMinutes},`,...D(n)?[`attributes: ${x(n.attributes)},`]:[]];return`import { CreateChatTokenCommand, IvschatClient } from "@aws-sdk/client-ivschat";

${k(e)}
const answer = await client.send(
  new CreateChatTokenCommand({
${r.map(e=>`    `+e).join(`
`)}
  }),
);
console.log(answer.token);
`}function k({endpoint:e,region:t,key:n}){let r=n?`  credentials: ${x({accessKeyId:n.id,secretAccessKey:n.secret})},\n`:``;return`${n?``:`// ${g}\n`}const client = new IvschatClient({
  endpoint: ${y(e)},
  region: ${y(t)},
${r}});
`}function A({endpoint:e,region:t,key:n},r,i){let a=n?`    aws_access_key_id=${y(n.id)},
    aws_secret_access_key=${y(n.secret)},
`:``,o=D(i)?`    attributes={${S(i.attributes)}},\n`:``;return`import boto3

${n?``:`# ${g}\n`}ivschat = boto3.client(
    "ivschat",
    endpoint_url=${y(e)},
    region_name=${y(t)},
${a})
answer = ivschat.create_chat_token(
    roomIdentifier=${y(r)},
    userId=${y(i.userId)},
    capabilities=${JSON.stringify(i.capabilities).replaceAll(`,`,`, `)},
    sessionDurationInMinutes=${i.sessionMinutes},
${o})
print(answer["token"])
`}var j={SEND_MESSAGE:`types.ChatTokenCapabilitySendMessage`,DELETE_MESSAGE:`types.ChatTokenCapabilityDeleteMessage`,DISCONNECT_USER:`types.ChatTokenCapabilityDisconnectUser`};function M(e,t,n){let r=C([[`RoomIdentifier:`,`aws.String(${y(t)}),`],[`UserId:`,`aws.String(${y(n.userId)}),`],[`SessionDurationInMinutes:`,`aws.Int32(${n.sessionMinutes}),`]]);if(n.capabilities.length){let e=n.capabilities.map(e=>`\n\t\t\t${j[e]},`).join(``);r.push(`Capabilities: []types.ChatTokenCapability{${e}\n\t\t},`)}return D(n)&&r.push(`Attributes: map[string]string{${S(n.attributes)}},`),`package main

import (
	"context"
	"fmt"
	"log"

${N(e,n)}
)

func main() {
	ctx := context.Background()
${P(e)}
	if err != nil {
		log.Fatal(err)
	}
	client := ivschat.NewFromConfig(cfg, func(o *ivschat.Options) {
		o.BaseEndpoint = aws.String(${y(e.endpoint)})
	})
	answer, err := client.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
${r.map(e=>`		`+e).join(`
`)}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*answer.Token)
}
`}function N({key:e},t){let n=[`aws`,`config`,`service/ivschat`];return e&&n.push(`credentials`),t.capabilities.length&&n.push(`service/ivschat/types`),n.sort().map(e=>`\t"github.com/aws/aws-sdk-go-v2/${e}"`).join(`
`)}function P({region:e,key:t}){let n=`	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(${y(e)}),
`;return t?`${n}		config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(${[t.id,t.secret,``].map(y).join(`, `)})),
	)`:`\t// ${g}\n${n}\t)`}var F=/#.*/,I=/\/\/.*/,L=/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/,R=e=>RegExp(`\\b(?:${e.replaceAll(` `,`|`)})\\b`),z={shell:{comment:/(?<=^|\n)#.*/,string:/"(?:\\.|[^"\\])*"|'[^']*'/,word:/(?<=\s)--[a-z-]+|\b(?:export|npm|node|aws|parley|curl|terraform)\b(?= )/},javascript:{comment:I,string:RegExp(`${L.source}|\`(?:\\\\.|[^\`\\\\])*\``),word:R(`import from const let new await async function return if else throw try catch`)},python:{comment:F,string:L,word:R(`import from print`)},go:{comment:I,string:L,word:R(`package import func if return nil map string`)},html:{comment:/<!--[^]*?-->|(?<=^|\s)\/\/.*/,string:L,word:/<\/?[a-z][a-z0-9]*\b|\b(?:const|let|new|await|async|function|return|if|else)\b/},hcl:{comment:F,string:L,word:R(`provider resource output endpoints true`)},ini:{comment:F,string:/\[[^\]\n]*\]/,word:/^[a-z_]+(?= *=)/m}};function B(e,t){let{comment:n,string:r,word:i}=z[t],a=RegExp(`(?<comment>${n.source})|(?<string>${r.source})|(?<word>${i.source})`,`gm`),o=[],s=0;for(let t of e.matchAll(a)){t.index>s&&o.push({kind:``,text:e.slice(s,t.index)});let n=Object.entries(t.groups).find(([,e])=>e!==void 0)[0];o.push({kind:n,text:t[0]}),s=t.index+t[0].length}return o.push({kind:``,text:e.slice(s)}),o}function V({snippet:e}){let{code:t,language:n,label:r,file:i}=e;return a(`figure`,{class:`code`,children:[a(`figcaption`,{children:[a(`span`,{class:`mono truncate grow`,children:i??r}),a(c,{text:t,label:`${i??r} snippet`})]}),a(`pre`,{tabIndex:0,"aria-label":i??r,children:a(`code`,{children:B(t.trimEnd(),n).map((e,t)=>e.kind?a(`span`,{class:`code-${e.kind}`,children:e.text},t):e.text)})})]})}var H=`snippets`,U=10,W=new s((n.get(H)??``).split(`,`));function G(e){W.value=[e,...W.value.filter(t=>t!==e)].slice(0,U),n.set(H,W.value.join(`,`))}function K({label:t,snippets:n}){let r=(e,t)=>t.indexOf(e.id)+1||1/0,i=e(W),o=n.reduce((e,t)=>r(t,i)<r(e,i)?t:e);return a(`div`,{class:`snippets`,children:[a(`div`,{class:`segments`,role:`group`,"aria-label":t,children:n.map(e=>a(`button`,{type:`button`,"aria-pressed":e===o,onClick:()=>G(e.id),children:e.label},e.id))}),a(V,{snippet:o})]})}var q=200,J=8;function Y({client:e,value:t,onValue:n,error:s}){let[c,l]=r(null),[f,h]=r(``),[g,_]=r(0),[v,y]=r({}),b=i(),x=u(t=>m(e,f,``,``,t),[e,f]),S=x.data?.rooms.slice(0,J)??[];o(()=>{let e=setTimeout(()=>h(c?.trim()??``),q);return()=>clearTimeout(e)},[c]),o(()=>{if(!x.data)return;_(0);let e=x.data.rooms.map(e=>[e.arn,p(e)]);y(t=>({...t,...Object.fromEntries(e)})),!t&&c===null&&S[0]&&n(S[0].arn)},[x.data,t]);let C=!x.loading&&f===(c?.trim()??``),w=e=>{l(null),n(e)},T=()=>c?.startsWith(`arn:`)?w(c.trim()):l(null),E=e=>{if(e.key===`ArrowDown`||e.key===`ArrowUp`){if(e.preventDefault(),c===null)l(``);else if(S.length){let t=e.key===`ArrowDown`?1:S.length-1;_((g+t)%S.length)}}else e.key===`Escape`&&c!==null?(e.preventDefault(),l(null)):e.key===`Enter`&&c!==null&&(e.preventDefault(),c.startsWith(`arn:`)?T():C&&S[g]&&w(S[g].arn))},D=c!==null&&!c.startsWith(`arn:`),O=x.data?.total===0&&f===``;return a(d,{label:`Room`,error:s,hint:O?a(Z,{}):v[t]?a(`span`,{class:`mono picker-arn`,children:t}):null,children:e=>a(`div`,{class:`picker`,children:[a(`input`,{...e,class:`input`,type:`text`,role:`combobox`,"aria-expanded":D,"aria-controls":b,"aria-autocomplete":`list`,"aria-activedescendant":D&&S[g]?`${b}-${g}`:void 0,autocomplete:`off`,spellcheck:!1,placeholder:O?``:`A name, a tag or an ARN`,value:c??v[t]??t,onInput:e=>l(e.currentTarget.value),onClick:e=>{e.currentTarget.select(),l(c??``)},onKeyDown:E,onBlur:T}),a(`ul`,{class:`picker-list`,id:b,role:`listbox`,"aria-label":`Rooms`,hidden:!D,children:[S.map((e,t)=>a(X,{id:`${b}-${t}`,room:e,active:t===g,choose:()=>w(e.arn)},e.arn)),S.length===0&&a(`li`,{class:`picker-none`,role:`option`,"aria-selected":`false`,"aria-disabled":`true`,children:x.loading?`Searching…`:x.error?`Give its ARN.`:`No such room.`})]})]})})}function X({id:e,room:t,active:n,choose:r}){return a(`li`,{id:e,class:n?`active`:void 0,role:`option`,"aria-selected":n,onMouseDown:e=>e.preventDefault(),onClick:r,children:[a(`span`,{class:`truncate`,children:p(t)}),t.name&&a(`span`,{class:`mono soft`,children:t.id})]})}function Z(){return a(l,{children:[`There are no rooms yet. `,a(`a`,{href:f([`rooms`]),children:`Make one first.`})]})}export{w as a,g as c,k as i,h as l,K as n,C as o,T as r,y as s,Y as t};