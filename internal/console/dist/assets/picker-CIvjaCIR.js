import{A as e,H as t,L as n,M as r,N as i,c as a,j as o,k as s,n as c,x as l,z as u}from"./button-CKv_5ujX.js";import{et as d,r as f,y as p}from"./signin-BBnWgjrn.js";import{i as m,r as h}from"./rooms-BGYeWIli.js";function g({access:e,open:t}){let n=t?{id:e.accessKeyId,secret:e.secretAccessKey}:null;return{endpoint:l,region:e.region,key:n}}var _=`The access key comes from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,v=/^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$/,y=e=>v.test(e)?e:`'${e.replaceAll(`'`,`'\\''`)}'`,b=e=>JSON.stringify(e).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g,e=>`\\u`+e.charCodeAt(0).toString(16).padStart(4,`0`)),x=/^[A-Za-z_$][A-Za-z0-9_$]*$/;function S(e){let t=Object.entries(e).map(([e,t])=>`${x.test(e)?e:b(e)}: ${b(t)}`);return t.length?`{ ${t.join(`, `)} }`:`{}`}var C=e=>Object.entries(e).map(([e,t])=>`${b(e)}: ${b(t)}`).join(`, `);function w(e,t=` `){let n=Math.max(...e.map(([e])=>e.length));return e.map(([e,r])=>e.padEnd(n)+t+r)}function T(e,t,n){return[{id:`aws`,label:`AWS CLI`,language:`shell`,code:E(`aws ivschat create-chat-token`,e,O(t,n))},{id:`parley`,label:`parley`,language:`shell`,code:E(`parley create-chat-token`,e,O(t,n))},{id:`javascript`,label:`JavaScript`,language:`javascript`,code:A(e,t,n),file:`chat-token.mjs`},{id:`python`,label:`Python`,language:`python`,code:M(e,t,n),file:`chat_token.py`},{id:`go`,label:`Go`,language:`go`,code:P(e,t,n),file:`main.go`}]}function E(e,t,n){let{endpoint:r,region:i,key:a}=t;return(a?`AWS_ACCESS_KEY_ID=${y(a.id)} AWS_SECRET_ACCESS_KEY=${y(a.secret)} \\\n`:`# ${_}\n`)+[e,...[[`--endpoint-url`,y(r)],[`--region`,y(i)],...n].map(e=>`  `+D(e))].join(` \\
`)+`
`}var D=([e,t])=>e+(/^'?-/.test(t)?`=`:` `)+t;function O(e,t){let n=[[`--room-identifier`,y(e)],[`--user-id`,y(t.userId)]];return t.capabilities.length&&n.push([`--capabilities`,t.capabilities.join(` `)]),n.push([`--session-duration-in-minutes`,String(t.sessionMinutes)]),k(t)&&n.push([`--attributes`,y(JSON.stringify(t.attributes))]),n}var k=e=>Object.keys(e.attributes).length>0;function A(e,t,n){let r=[`roomIdentifier: ${b(t)},`,`userId: ${b(n.userId)},`,`capabilities: ${JSON.stringify(n.capabilities).replaceAll(`,`,`, `)},`,`sessionDurationInMinutes: ${n.sessionMinutes},`,...k(n)?[`attributes: ${S(n.attributes)},`]:[]];return`import { CreateChatTokenCommand, IvschatClient } from "@aws-sdk/client-ivschat";

${j(e)}
const answer = await client.send(
  new CreateChatTokenCommand({
${r.map(e=>`    `+e).join(`
`)}
  }),
);
console.log(answer.token);
`}function j({endpoint:e,region:t,key:n}){let r=n?`  credentials: ${S({accessKeyId:n.id,secretAccessKey:n.secret})},\n`:``;return`${n?``:`// ${_}\n`}const client = new IvschatClient({
  endpoint: ${b(e)},
  region: ${b(t)},
${r}});
`}function M({endpoint:e,region:t,key:n},r,i){let a=n?`    aws_access_key_id=${b(n.id)},
    aws_secret_access_key=${b(n.secret)},
`:``,o=k(i)?`    attributes={${C(i.attributes)}},\n`:``;return`import boto3

${n?``:`# ${_}\n`}ivschat = boto3.client(
    "ivschat",
    endpoint_url=${b(e)},
    region_name=${b(t)},
${a})
answer = ivschat.create_chat_token(
    roomIdentifier=${b(r)},
    userId=${b(i.userId)},
    capabilities=${JSON.stringify(i.capabilities).replaceAll(`,`,`, `)},
    sessionDurationInMinutes=${i.sessionMinutes},
${o})
print(answer["token"])
`}var N={SEND_MESSAGE:`types.ChatTokenCapabilitySendMessage`,DELETE_MESSAGE:`types.ChatTokenCapabilityDeleteMessage`,DISCONNECT_USER:`types.ChatTokenCapabilityDisconnectUser`};function P(e,t,n){let r=w([[`RoomIdentifier:`,`aws.String(${b(t)}),`],[`UserId:`,`aws.String(${b(n.userId)}),`],[`SessionDurationInMinutes:`,`aws.Int32(${n.sessionMinutes}),`]]);if(n.capabilities.length){let e=n.capabilities.map(e=>`\n\t\t\t${N[e]},`).join(``);r.push(`Capabilities: []types.ChatTokenCapability{${e}\n\t\t},`)}return k(n)&&r.push(`Attributes: map[string]string{${C(n.attributes)}},`),`package main

import (
	"context"
	"fmt"
	"log"

${F(e,n)}
)

func main() {
	ctx := context.Background()
${I(e)}
	if err != nil {
		log.Fatal(err)
	}
	client := ivschat.NewFromConfig(cfg, func(o *ivschat.Options) {
		o.BaseEndpoint = aws.String(${b(e.endpoint)})
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
`}function F({key:e},t){let n=[`aws`,`config`,`service/ivschat`];return e&&n.push(`credentials`),t.capabilities.length&&n.push(`service/ivschat/types`),n.sort().map(e=>`\t"github.com/aws/aws-sdk-go-v2/${e}"`).join(`
`)}function I({region:e,key:t}){let n=`	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(${b(e)}),
`;return t?`${n}		config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(${[t.id,t.secret,``].map(b).join(`, `)})),
	)`:`\t// ${_}\n${n}\t)`}var L=/#.*/,R=/\/\/.*/,z=/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/,B=e=>RegExp(`\\b(?:${e.replaceAll(` `,`|`)})\\b`),V={shell:{comment:/(?<=^|\n)#.*/,string:/"(?:\\.|[^"\\])*"|'[^']*'/,word:/(?<=\s)--[a-z-]+|\b(?:export|npm|node|aws|parley|curl|terraform)\b(?= )/},javascript:{comment:R,string:RegExp(`${z.source}|\`(?:\\\\.|[^\`\\\\])*\``),word:B(`import from const let new await async function return if else throw try catch`)},python:{comment:L,string:z,word:B(`import from print`)},go:{comment:R,string:z,word:B(`package import func if return nil map string`)},html:{comment:/<!--[^]*?-->|(?<=^|\s)\/\/.*/,string:z,word:/<\/?[a-z][a-z0-9]*\b|\b(?:const|let|new|await|async|function|return|if|else)\b/},hcl:{comment:L,string:z,word:B(`provider resource output endpoints true`)},ini:{comment:L,string:/\[[^\]\n]*\]/,word:/^[a-z_]+(?= *=)/m}};function H(e,t){let{comment:n,string:r,word:i}=V[t],a=RegExp(`(?<comment>${n.source})|(?<string>${r.source})|(?<word>${i.source})`,`gm`),o=[],s=0;for(let t of e.matchAll(a)){t.index>s&&o.push({kind:``,text:e.slice(s,t.index)});let n=Object.entries(t.groups).find(([,e])=>e!==void 0)[0];o.push({kind:n,text:t[0]}),s=t.index+t[0].length}return o.push({kind:``,text:e.slice(s)}),o}function U({snippet:e}){let{code:t,language:n,label:r,file:i}=e;return a(`figure`,{class:`code`,children:[a(`figcaption`,{children:[a(`span`,{class:`mono truncate grow`,children:i??r}),a(c,{text:t,label:`${i??r} snippet`})]}),a(`pre`,{tabIndex:0,"aria-label":i??r,children:a(`code`,{children:H(t.trimEnd(),n).map((e,t)=>e.kind?a(`span`,{class:`code-${e.kind}`,children:e.text},t):e.text)})})]})}var W=`snippets`,G=10,K=new s((t.get(W)??``).split(`,`));function q(e){K.value=[e,...K.value.filter(t=>t!==e)].slice(0,G),t.set(W,K.value.join(`,`))}function J({label:t,snippets:n}){let r=(e,t)=>t.indexOf(e.id)+1||1/0,i=e(K),o=n.reduce((e,t)=>r(t,i)<r(e,i)?t:e);return a(`div`,{class:`snippets`,children:[a(`div`,{class:`segments`,role:`group`,"aria-label":t,children:n.map(e=>a(`button`,{type:`button`,"aria-pressed":e===o,onClick:()=>q(e.id),children:e.label},e.id))}),a(U,{snippet:o})]})}var Y=200,X=8;function Z({client:e,value:t,onValue:s,error:c}){let[l,u]=n(null),[d,p]=n(null),[m,h]=n(0),g=i(),{found:_,rooms:v,names:y,settled:b,nothing:x}=Q(e,l?.trim()??``);r(()=>h(0),[_,t]),o(()=>{!t&&l===null&&v[0]&&s(v[0].arn)},[_,t]);let S=e=>{u(null),p(y[e]??e),s(e)},C=()=>l?.startsWith(`arn:`)?S(l.trim()):u(null),w=e=>{if(e.key===`ArrowDown`||e.key===`ArrowUp`){if(e.preventDefault(),l===null)u(``);else if(v.length){let t=e.key===`ArrowDown`?1:v.length-1;h((m+t)%v.length)}}else e.key===`Escape`&&l!==null?(e.preventDefault(),u(null)):e.key===`Enter`&&l!==null&&(e.preventDefault(),l.startsWith(`arn:`)?C():b&&v[m]&&S(v[m].arn))},T=l!==null&&!l.startsWith(`arn:`),E=_?.search===``&&_.total===0;return a(f,{label:`Room`,error:c,hint:E?a(ee,{}):y[t]?a(`span`,{class:`mono picker-arn`,children:t}):null,children:e=>a(`div`,{class:`picker`,children:[a(`input`,{...e,class:`input`,type:`text`,role:`combobox`,"aria-expanded":T,"aria-controls":g,"aria-autocomplete":`list`,"aria-activedescendant":T&&v[m]?`${g}-${m}`:void 0,autocomplete:`off`,spellcheck:!1,placeholder:E?``:`A name, a tag or an ARN`,value:l??d??y[t]??t,onFocus:e=>p(e.currentTarget.value),onInput:e=>u(e.currentTarget.value),onClick:e=>{e.currentTarget.select(),u(l??``)},onKeyDown:w,onBlur:()=>{C(),p(null)}}),a(`ul`,{class:`picker-list`,id:g,role:`listbox`,"aria-label":`Rooms`,hidden:!T,children:[v.map((e,t)=>a($,{id:`${g}-${t}`,room:e,active:t===m,choose:()=>S(e.arn)},e.arn)),v.length===0&&a(`li`,{class:`picker-none`,role:`option`,"aria-selected":`false`,"aria-disabled":`true`,children:x})]})]})})}function Q(e,t){let[i,a]=n(t),[s,c]=n({}),l=d(async t=>({search:i,...await h(e,i,``,``,t)}),[e,i]),u=l.data;o(()=>{let e=setTimeout(()=>a(t),Y);return()=>clearTimeout(e)},[t]),r(()=>{let e=u?.rooms.map(e=>[e.arn,m(e)])??[];c(t=>({...t,...Object.fromEntries(e)}))},[u]);let f=u?.search===t,p=l.error!==void 0&&!l.loading;return{found:u,rooms:u?.rooms.slice(0,X)??[],names:s,settled:f,nothing:f?`No such room.`:p?`Give its ARN.`:`Searching…`}}function $({id:e,room:t,active:n,choose:r}){return a(`li`,{id:e,class:n?`active`:void 0,role:`option`,"aria-selected":n,onMouseDown:e=>e.preventDefault(),onClick:r,children:[a(`span`,{class:`truncate`,children:m(t)}),t.name&&a(`span`,{class:`mono soft`,children:t.id})]})}function ee(){return a(u,{children:[`There are no rooms yet. `,a(`a`,{href:p([`rooms`]),children:`Make one first.`})]})}export{T as a,_ as c,j as i,g as l,J as n,w as o,E as r,b as s,Z as t};